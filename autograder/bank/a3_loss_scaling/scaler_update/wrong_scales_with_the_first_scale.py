"""Your scale and unscale_ go on with the first scale: use the current loss_scale, which update has changed."""


class DynamicLossScaler(DynamicLossScaler):
    def __init__(self, init_scale=65536.0, growth_factor=2.0, backoff_factor=0.5, growth_interval=2000):
        super().__init__(init_scale, growth_factor, backoff_factor, growth_interval)
        self.init_scale = init_scale

    def scale(self, loss):
        return loss * self.init_scale

    def unscale_(self, parameters):
        found_inf = False
        for p in parameters:
            if p.grad is not None:
                found_inf |= not p.grad.isfinite().all().item()
                p.grad.div_(self.init_scale)
        return found_inf
