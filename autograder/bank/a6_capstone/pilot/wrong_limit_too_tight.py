"""You skip good batches along with the bad ones: a limit at the recent median throws half of them away, and fixed step
numbers hit whatever comes there. Allow for the spread of the losses."""

from statistics import median

from stabilitylab.exercises.a6_capstone import Action


class Pilot:
    def __init__(self):
        self.losses = []

    def act(self, observation):
        if observation.nonfinite or observation.flushed > 0.05:
            return Action(skip=True, loss_scale=1024.0)
        if len(self.losses) >= 5 and observation.loss > 1.0 * median(self.losses[-10:]):
            return Action(skip=True)
        self.losses.append(observation.loss)
        return Action(lr=5e-3, clip_norm=1.0)
