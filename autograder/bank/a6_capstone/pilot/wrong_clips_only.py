"""You only clip: Adam hardly notices, lost gradients stay lost, and the update of a bad batch is still made."""

from stabilitylab.exercises.a6_capstone import Action


class Pilot:
    def act(self, observation):
        return Action(clip_norm=1.0)
