"""All at once, with torch._foreach_div_ and one verdict over a list."""

import torch


class DynamicLossScaler:
    def __init__(self, init_scale=65536.0, growth_factor=2.0, backoff_factor=0.5, growth_interval=2000):
        self.loss_scale = init_scale
        self.growth_factor = growth_factor
        self.backoff_factor = backoff_factor
        self.growth_interval = growth_interval
        self.good_steps = 0

    def scale(self, loss):
        return self.loss_scale * loss

    def unscale_(self, parameters):
        grads = [p.grad for p in parameters if p.grad is not None]
        torch._foreach_div_(grads, self.loss_scale)
        return not all(torch.isfinite(g).all().item() for g in grads)

    def update(self, found_inf):
        if found_inf:
            self.loss_scale, self.good_steps = self.loss_scale * self.backoff_factor, 0
        else:
            self.good_steps += 1
            if self.good_steps >= self.growth_interval:
                self.loss_scale, self.good_steps = self.loss_scale * self.growth_factor, 0
