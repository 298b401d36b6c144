"""You only lower the rate: the loss scale stays broken, and every bad batch is learned."""

from stabilitylab.exercises.a6_capstone import Action


class Pilot:
    def act(self, observation):
        return Action(lr=5e-3)
