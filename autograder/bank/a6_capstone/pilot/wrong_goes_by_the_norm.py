"""You tell bad batches by their gradient norm alone: that of some kinds is hardly larger than usual. Look at the loss."""

from statistics import median

from stabilitylab.exercises.a6_capstone import Action


class Pilot:
    def __init__(self):
        self.norms = []

    def act(self, observation):
        if observation.nonfinite or observation.flushed > 0.05:
            return Action(skip=True, loss_scale=1024.0)
        if len(self.norms) >= 5 and observation.grad_norm > 8 * median(self.norms[-10:]):
            return Action(skip=True)
        self.norms.append(observation.grad_norm)
        return Action(lr=5e-3, clip_norm=1.0)
