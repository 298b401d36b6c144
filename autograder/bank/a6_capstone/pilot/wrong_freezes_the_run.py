"""You set the rate to 0: nothing breaks any more, and nothing is learned."""

from stabilitylab.exercises.a6_capstone import Action


class Pilot:
    def act(self, observation):
        return Action(lr=0.0, loss_scale=1024.0)
