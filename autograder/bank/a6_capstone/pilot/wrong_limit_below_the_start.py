"""You skip whatever lies above a fixed loss of 4: an untrained model starts above it, and so never learns to get below."""

from stabilitylab.exercises.a6_capstone import Action


class Pilot:
    def act(self, observation):
        if observation.nonfinite or observation.flushed > 0.05:
            return Action(skip=True, loss_scale=1024.0)
        return Action(lr=5e-3, skip=observation.loss > 4.0)
