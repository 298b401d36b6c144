"""You remember the losses of bad batches too: within a burst they become what is usual, and you let the rest of it through."""

from statistics import median

from stabilitylab.exercises.a6_capstone import Action


class Pilot:
    def __init__(self):
        self.losses = []

    def act(self, observation):
        if observation.nonfinite or observation.flushed > 0.05:
            return Action(skip=True, loss_scale=1024.0)
        self.losses.append(observation.loss)
        if len(self.losses) >= 5 and observation.loss > 1.5 * median(self.losses[-5:]):
            return Action(skip=True)
        return Action(lr=5e-3, clip_norm=1.0)
