"""A dataclass, with early returns."""

from dataclasses import dataclass


@dataclass
class DynamicLossScaler:
    init_scale: float = 65536.0
    growth_factor: float = 2.0
    backoff_factor: float = 0.5
    growth_interval: int = 2000

    def __post_init__(self):
        self.loss_scale = self.init_scale
        self.row = []

    def scale(self, loss):
        return loss * self.loss_scale

    def unscale_(self, parameters):
        verdicts = [bool(p.grad.div_(self.loss_scale).isfinite().all()) for p in parameters if p.grad is not None]
        return False in verdicts

    def update(self, found_inf):
        if found_inf:
            self.loss_scale *= self.backoff_factor
            self.row.clear()
            return
        self.row.append(found_inf)
        if len(self.row) < self.growth_interval:
            return
        self.loss_scale *= self.growth_factor
        self.row.clear()
