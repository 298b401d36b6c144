"""You skip every step: safe, and the weights never move."""

from stabilitylab.exercises.a6_capstone import Action


class Pilot:
    def act(self, observation):
        return Action(lr=5e-3, skip=True)
