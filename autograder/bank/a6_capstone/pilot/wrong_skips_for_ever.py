"""After the first bad batch you skip every batch that follows: the good ones after it are the cure."""

from statistics import median

from stabilitylab.exercises.a6_capstone import Action


class Pilot:
    def __init__(self):
        self.losses, self.bad = [], False

    def act(self, observation):
        if observation.nonfinite or observation.flushed > 0.05:
            return Action(skip=True, loss_scale=1024.0)
        if len(self.losses) >= 5 and observation.loss > 1.5 * median(self.losses[-10:]):
            self.bad = True
        if self.bad:
            return Action(skip=True)
        self.losses.append(observation.loss)
        return Action(lr=5e-3, clip_norm=1.0)
