"""Named experiments: data plus a check.

An experiment is a set of arms (what is compared), seeds, quantities (what is measured) and expectations (what must be seen over
the seeds). Lessons, claims, tests and the terminal all run the same ones, so that nothing a lesson states is a number nobody
can re-derive. ``data/evidence`` keeps what they gave; ``stabilitylab record`` makes it again.

Each folder here is a subject, each module in it one experiment: ``clipping/value_clipping.py`` defines ``EXPERIMENT``, whose name
is ``value-clipping``. The registry finds it there; nothing is listed by hand. What an experiment is made of stands in
``experiment``.
"""

from stabilitylab.experiments.registry import account, all_experiments, get, names, subject, summaries
from stabilitylab.experiments.seeds import DEFAULT_SEEDS, FRESH_SEEDS

__all__ = ["DEFAULT_SEEDS", "FRESH_SEEDS", "account", "all_experiments", "get", "names", "subject", "summaries"]
