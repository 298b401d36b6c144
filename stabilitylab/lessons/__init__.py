"""Around a lesson: predictions, its notebook, the numbers in its prose, and where a learner stands."""
