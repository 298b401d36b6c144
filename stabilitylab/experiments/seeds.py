"""Which seeds set tolerances, and which decide.

Settings and tolerances are set on seeds below 1000. ``FRESH_SEEDS`` decide: nothing is tuned on them, and a tolerance that had to
be changed after they were seen needs fresh ones.
"""

DEFAULT_SEEDS = range(5)
FRESH_SEEDS = range(1000, 1020)
