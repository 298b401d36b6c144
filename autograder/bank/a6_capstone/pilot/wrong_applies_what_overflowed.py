"""You lower the scale after an overflow, but make the update all the same: skip it, or its inf and NaN end up in the weights."""

from statistics import median

from stabilitylab.exercises.a6_capstone import Action


class Pilot:
    def __init__(self):
        self.losses = []

    def act(self, observation):
        scale = 1024.0 if observation.nonfinite or observation.flushed > 0.05 else None
        if len(self.losses) >= 5 and observation.loss > 1.5 * median(self.losses[-10:]):
            return Action(skip=True, loss_scale=scale)
        self.losses.append(observation.loss)
        return Action(lr=5e-3, loss_scale=scale)
