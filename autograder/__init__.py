"""Grading for Stability Lab: references, probes' answers compared outside the learner's process, nbgrader around it."""
