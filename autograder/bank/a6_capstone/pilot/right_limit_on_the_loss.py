"""No memory at all: an absolute limit above the loss of an untrained model."""

from stabilitylab.exercises.a6_capstone import Action


class Pilot:
    def act(self, o):
        broken = o.nonfinite or o.flushed > 0.1
        return Action(lr=4e-3, skip=broken or o.loss > 7.0, loss_scale=512 if broken else None)
