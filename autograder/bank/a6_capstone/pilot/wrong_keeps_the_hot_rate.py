"""You skip what is bad and mend the scale, and leave the rate at 5e-2: steps ten times too long undo it all."""

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
        return Action(clip_norm=1.0)
