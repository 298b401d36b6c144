"""Your unscale_ divides by the first scale: divide by the current loss_scale, the one that scale multiplied by."""


class DynamicLossScaler(DynamicLossScaler):
    def __init__(self, init_scale=65536.0, growth_factor=2.0, backoff_factor=0.5, growth_interval=2000):
        super().__init__(init_scale, growth_factor, backoff_factor, growth_interval)
        self.inverse = 1.0 / init_scale

    def unscale_(self, parameters):
        found_inf = False
        for p in parameters:
            if p.grad is not None:
                found_inf |= not p.grad.isfinite().all().item()
                p.grad.mul_(self.inverse)
        return found_inf
