"""You set a gradient that holds an inf to zero: divide it like the others, what is logged for that step should be what was
there."""


class DynamicLossScaler:
    def __init__(self, init_scale=65536.0, growth_factor=2.0, backoff_factor=0.5, growth_interval=2000):
        self.loss_scale = float(init_scale)
        self.growth_factor, self.backoff_factor, self.growth_interval = growth_factor, backoff_factor, growth_interval
        self.good_steps = 0

    def scale(self, loss):
        return loss * self.loss_scale

    def unscale_(self, parameters):
        found_inf = False
        for p in parameters:
            if p.grad is not None:
                p.grad.div_(self.loss_scale)
                if not p.grad.isfinite().all():
                    found_inf = True
                    p.grad.zero_()
        return found_inf

    def update(self, found_inf):
        self.good_steps = 0 if found_inf else self.good_steps + 1
        if found_inf:
            self.loss_scale *= self.backoff_factor
        elif self.good_steps == self.growth_interval:
            self.loss_scale *= self.growth_factor
            self.good_steps = 0
