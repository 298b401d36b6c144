"""You make a shorter step on the bad batches instead of skipping them: a short step in a wrong direction is still a wrong
step, and Adam makes a clipped one long again."""

from statistics import median

from stabilitylab.exercises.a6_capstone import Action


class Pilot:
    def __init__(self):
        self.losses = []

    def act(self, observation):
        if observation.nonfinite or observation.flushed > 0.05:
            return Action(skip=True, loss_scale=1024.0)
        if len(self.losses) >= 5 and observation.loss > 1.5 * median(self.losses[-10:]):
            return Action(lr=5e-5, clip_norm=1.0)
        self.losses.append(observation.loss)
        return Action(lr=5e-3, clip_norm=1.0)
