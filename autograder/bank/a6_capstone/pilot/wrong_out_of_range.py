"""A number in your Action lies outside its range: lr from 0 to 1, clip_norm above 0, loss_scale from 2^-30 to 2^40, and none
of them NaN."""

from statistics import median

from stabilitylab.exercises.a6_capstone import Action


class Pilot:
    def __init__(self):
        self.losses = []

    def act(self, observation):
        if observation.nonfinite or observation.flushed > 0.05:
            return Action(skip=True, loss_scale=1024.0)
        if len(self.losses) >= 5 and observation.loss > 1.5 * median(self.losses[-10:]):
            return Action(skip=True)
        self.losses.append(observation.loss)
        return Action(lr=5e-3, clip_norm=0.0)
