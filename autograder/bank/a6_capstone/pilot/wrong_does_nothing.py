"""Your pilot leaves every run to itself: set a rate, mend the scale, and skip the bad batches."""

from stabilitylab.exercises.a6_capstone import Action


class Pilot:
    def act(self, observation):
        return Action()
