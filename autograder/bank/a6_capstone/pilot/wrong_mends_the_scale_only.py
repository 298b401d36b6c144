"""You only mend the loss scale: the rate stays at 5e-2, and every bad batch is learned."""

from stabilitylab.exercises.a6_capstone import Action


class Pilot:
    def act(self, observation):
        if observation.nonfinite or observation.flushed > 0.05:
            return Action(skip=True, loss_scale=1024.0)
        return Action()
