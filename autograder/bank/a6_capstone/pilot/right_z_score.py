"""Logarithms of loss and norm, and how far both lie outside their recent spread; keeps a sane rate as given."""

import math
from statistics import fmean, pstdev

from stabilitylab.exercises.a6_capstone import Action


class Pilot:
    def __init__(self):
        self.history = []

    def act(self, o):
        lr = None if 1e-3 < o.lr < 1e-2 else 5e-3
        if o.nonfinite:
            return Action(lr=lr, skip=True, loss_scale=o.loss_scale / 16)
        if o.flushed > 0.05:
            return Action(lr=lr, skip=True, loss_scale=o.loss_scale * 1024)
        recent = self.history[-12:]
        if len(recent) > 5 and math.log(o.loss) > fmean(recent) + max(0.35, 3 * pstdev(recent)):
            return Action(lr=lr, skip=True)
        self.history.append(math.log(o.loss))
        return Action(lr=lr)
