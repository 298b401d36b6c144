"""Your default init_scale is 65535, the largest whole number of 16 bits: it is 65536, a power of two, which scales without
rounding."""


class DynamicLossScaler:
    def __init__(self, init_scale=65535.0, growth_factor=2.0, backoff_factor=0.5, growth_interval=2000):
        self.loss_scale = float(init_scale)
        self.growth_factor, self.backoff_factor, self.growth_interval = growth_factor, backoff_factor, growth_interval
        self.good_steps = 0

    def scale(self, loss):
        return loss * self.loss_scale

    def unscale_(self, parameters):
        grads = [p.grad for p in parameters if p.grad is not None]
        for g in grads:
            g.div_(self.loss_scale)
        return not all(bool(g.isfinite().all()) for g in grads)

    def update(self, found_inf):
        self.good_steps = 0 if found_inf else self.good_steps + 1
        if found_inf:
            self.loss_scale *= self.backoff_factor
        elif self.good_steps == self.growth_interval:
            self.loss_scale *= self.growth_factor
            self.good_steps = 0
