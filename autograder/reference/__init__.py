"""The right answers, one module per assignment: functions that answer the probes.

They run in a sandbox of their own, never in one that runs a learner's code, and so import only what a learner has. Nothing here
is released.
"""
