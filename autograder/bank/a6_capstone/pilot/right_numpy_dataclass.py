"""A dataclass that keeps its losses in an array, and returns NumPy's numbers in a subclass of Action."""

from dataclasses import dataclass, field

import numpy as np

from stabilitylab.exercises.a6_capstone import Action


class Skip(Action):
    def __init__(self, scale=None):
        super().__init__(skip=np.bool_(True), loss_scale=scale)


@dataclass
class Pilot:
    losses: np.ndarray = field(default_factory=lambda: np.full(10, np.nan))

    def act(self, o):
        if o.nonfinite or o.flushed > 0.05:
            return Skip(np.float64(2048))
        if np.isfinite(self.losses).sum() >= 5 and o.loss > 1.5 * np.nanmedian(self.losses):
            return Skip()
        self.losses = np.roll(self.losses, 1)
        self.losses[0] = o.loss
        return Action(lr=np.float32(5e-3), clip_norm=np.int64(1))
