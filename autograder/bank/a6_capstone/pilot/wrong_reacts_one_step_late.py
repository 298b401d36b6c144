"""You compare the last step's loss and skip this step: the bad update has been made by then. Look at the loss you are given,
before the update."""

from statistics import median

from stabilitylab.exercises.a6_capstone import Action


class Pilot:
    def __init__(self):
        self.losses, self.last = [], 0.0

    def act(self, observation):
        if observation.nonfinite or observation.flushed > 0.05:
            return Action(skip=True, loss_scale=1024.0)
        last, self.last = self.last, observation.loss
        if len(self.losses) >= 5 and last > 1.5 * median(self.losses[-10:]):
            return Action(skip=True)
        self.losses.append(observation.loss)
        return Action(lr=5e-3, clip_norm=1.0)
