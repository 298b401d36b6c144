"""You skip a batch only if its loss is four times the usual: most bad batches have twice the usual, and you learn them."""

from statistics import median

from stabilitylab.exercises.a6_capstone import Action


class Pilot:
    def __init__(self):
        self.losses = []

    def act(self, observation):
        if observation.nonfinite or observation.flushed > 0.05:
            return Action(skip=True, loss_scale=1024.0)
        if len(self.losses) >= 5 and observation.loss > 4 * median(self.losses[-10:]):
            return Action(skip=True)
        self.losses.append(observation.loss)
        return Action(lr=5e-3, clip_norm=1.0)
