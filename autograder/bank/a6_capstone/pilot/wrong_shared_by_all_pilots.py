"""All your pilots remember in one list, because it belongs to the class: the second run begins with the losses of the first.
Make it in __init__."""

from statistics import median

from stabilitylab.exercises.a6_capstone import Action


class Pilot:
    losses = []  # noqa: RUF012

    def act(self, observation):
        if observation.nonfinite or observation.flushed > 0.05:
            return Action(skip=True, loss_scale=1024.0)
        if len(self.losses) >= 5 and observation.loss > 1.5 * median(self.losses[-10:]):
            return Action(skip=True)
        self.losses.append(observation.loss)
        return Action(lr=5e-3, clip_norm=1.0)
