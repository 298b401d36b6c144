"""You update a scale of your own and leave loss_scale at its first value: the training loop reads loss_scale."""


class DynamicLossScaler(DynamicLossScaler):
    def __init__(self, init_scale=65536.0, growth_factor=2.0, backoff_factor=0.5, growth_interval=2000):
        super().__init__(init_scale, growth_factor, backoff_factor, growth_interval)
        self._scale = init_scale

    def scale(self, loss):
        return loss * self._scale

    def unscale_(self, parameters):
        found_inf = False
        for p in parameters:
            if p.grad is not None:
                found_inf |= not p.grad.isfinite().all().item()
                p.grad.div_(self._scale)
        return found_inf

    def update(self, found_inf):
        if found_inf:
            self._scale *= self.backoff_factor
            self.good_steps = 0
        else:
            self.good_steps += 1
            if self.good_steps == self.growth_interval:
                self._scale *= self.growth_factor
                self.good_steps = 0
