"""An nn.Module: the scale and the count are buffers, changed in place."""

import torch


class DynamicLossScaler(torch.nn.Module):
    def __init__(self, init_scale=65536.0, growth_factor=2.0, backoff_factor=0.5, growth_interval=2000):
        super().__init__()
        self.register_buffer("loss_scale", torch.tensor(float(init_scale), dtype=torch.float64))
        self.register_buffer("good_steps", torch.tensor(0))
        self.growth_factor, self.backoff_factor, self.growth_interval = growth_factor, backoff_factor, growth_interval

    def scale(self, loss):
        return loss * self.loss_scale

    def unscale_(self, parameters):
        found_inf = torch.tensor(False)
        for grad in [p.grad for p in parameters if p.grad is not None]:
            found_inf |= ~torch.isfinite(grad).all()
            grad.copy_(grad.double() / self.loss_scale)
        return found_inf

    def update(self, found_inf):
        if found_inf:
            self.loss_scale *= self.backoff_factor
            self.good_steps.zero_()
            return
        self.good_steps += 1
        if self.good_steps == self.growth_interval:
            self.loss_scale *= self.growth_factor
            self.good_steps.zero_()
