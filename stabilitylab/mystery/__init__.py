"""Runs with drawn faults, the game of naming and curing them, and its room in a notebook."""
