"""A scale that halves on overflow, grows fast while gradients are flushed, and slowly after many good steps; bad batches by loss
and gradient norm."""

from statistics import median

from stabilitylab.exercises.a6_capstone import Action


class Scale:
    def __init__(self):
        self.good = 0

    def next(self, o):
        self.good = 0 if o.nonfinite else self.good + 1
        if o.nonfinite:
            return o.loss_scale / 2
        if o.flushed > 0.02:
            return o.loss_scale * 64
        if self.good == 30 and o.loss_scale < 2**14:
            self.good = 0
            return o.loss_scale * 2
        return None


class Pilot:
    def __init__(self):
        self.scale, self.norms, self.losses = Scale(), [], []

    def act(self, o):
        scale = self.scale.next(o)
        if o.nonfinite or o.flushed > 0.05:
            return Action(skip=True, loss_scale=scale)
        odd = len(self.losses) > 4 and o.loss > median(self.losses[-9:]) + 2
        if odd or (len(self.norms) > 12 and o.grad_norm > 8 * median(self.norms)):
            return Action(skip=True, loss_scale=scale)
        self.losses.append(o.loss)
        self.norms.append(o.grad_norm)
        return Action(lr=6e-3, clip_norm=1.0, loss_scale=scale)
