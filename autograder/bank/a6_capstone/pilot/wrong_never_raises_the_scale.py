"""Your scale never rises: where it starts too low the gradients stay flushed to zero, which is finite. Raise it when they
are."""

from statistics import median

from stabilitylab.exercises.a6_capstone import Action


class Pilot:
    def __init__(self):
        self.losses = []

    def act(self, observation):
        if observation.nonfinite:
            return Action(skip=True, loss_scale=observation.loss_scale / 2)
        if len(self.losses) >= 5 and observation.loss > 1.5 * median(self.losses[-10:]):
            return Action(skip=True)
        self.losses.append(observation.loss)
        return Action(lr=5e-3, clip_norm=1.0)
