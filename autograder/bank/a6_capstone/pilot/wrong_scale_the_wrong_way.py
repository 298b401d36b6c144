"""You raise the scale when a gradient overflows and lower it when one is flushed: it is the other way round."""

from statistics import median

from stabilitylab.exercises.a6_capstone import Action


class Pilot:
    def __init__(self):
        self.losses = []

    def act(self, observation):
        if observation.nonfinite or observation.flushed > 0.05:
            factor = 4.0 if observation.nonfinite else 0.25
            return Action(skip=True, loss_scale=min(max(factor * observation.loss_scale, 2.0**-30), 2.0**40))
        if len(self.losses) >= 5 and observation.loss > 1.5 * median(self.losses[-10:]):
            return Action(skip=True)
        self.losses.append(observation.loss)
        return Action(lr=5e-3, clip_norm=1.0)
