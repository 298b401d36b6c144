"""How fast the course is: ``make bench`` measures everything and writes docs/performance.md.

A module for each subject has a function ``measure``, which returns plain data; ``report`` makes the page of it. What is compared
is measured in turns, in one run on one machine, so that ratios can be quoted where seconds cannot.
"""
