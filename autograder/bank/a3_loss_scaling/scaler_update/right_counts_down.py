"""Counts the good steps that are still missing, down to 0."""


class DynamicLossScaler:
    def __init__(self, init_scale=2**16, growth_factor=2, backoff_factor=1 / 2, growth_interval=2000):
        self.loss_scale, self.growth, self.backoff = init_scale, growth_factor, backoff_factor
        self.interval = self.missing = growth_interval

    def scale(self, loss):
        return loss * self.loss_scale

    def unscale_(self, parameters):
        found_inf = False
        for p in parameters:
            if p.grad is not None:
                p.grad.div_(self.loss_scale)
                found_inf = found_inf or not p.grad.isfinite().all()
        return bool(found_inf)

    def update(self, found_inf):
        self.missing = self.interval if found_inf else self.missing - 1
        factor = self.backoff if found_inf else self.growth if self.missing == 0 else 1
        self.loss_scale *= factor
        self.missing = self.missing or self.interval
