"""Learning rates: how hot is too hot, and what a run looks like there."""
