"""loss_scale is a read-only property over a tensor."""

import torch


class DynamicLossScaler:
    def __init__(self, init_scale=65536.0, growth_factor=2.0, backoff_factor=0.5, growth_interval=2000):
        self._scale = torch.tensor(float(init_scale), dtype=torch.float64)
        self._settings = growth_factor, backoff_factor, growth_interval
        self._row = 0

    @property
    def loss_scale(self):
        return self._scale.item()

    def scale(self, loss):
        return loss * self.loss_scale

    def unscale_(self, parameters):
        grads = [p.grad for p in parameters if p.grad is not None]
        for g in grads:
            g /= self.loss_scale
        return any(not torch.isfinite(g).all() for g in grads)

    def update(self, found_inf):
        growth, backoff, interval = self._settings
        self._row = 0 if found_inf else self._row + 1
        if found_inf:
            self._scale = self._scale * backoff
        elif self._row == interval:
            self._scale, self._row = self._scale * growth, 0
