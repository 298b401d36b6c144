"""The scale is a NumPy number in single precision."""

import numpy as np


class DynamicLossScaler:
    def __init__(self, init_scale=65536.0, growth_factor=2.0, backoff_factor=0.5, growth_interval=2000):
        self.loss_scale = np.float32(init_scale)
        self.factors = np.float32(growth_factor), np.float32(backoff_factor)
        self.growth_interval, self.good_steps = np.int64(growth_interval), np.int64(0)

    def scale(self, loss):
        return loss * float(self.loss_scale)

    def unscale_(self, parameters):
        verdicts = []
        for p in parameters:
            if p.grad is not None:
                verdicts.append(bool(p.grad.isfinite().all()))
                p.grad.div_(float(self.loss_scale))
        return ~np.all(np.array(verdicts, dtype=bool))

    def update(self, found_inf):
        growth, backoff = self.factors
        self.good_steps = np.int64(0) if found_inf else self.good_steps + 1
        if found_inf:
            self.loss_scale = self.loss_scale * backoff
        elif self.good_steps >= self.growth_interval:
            self.loss_scale, self.good_steps = self.loss_scale * growth, np.int64(0)
