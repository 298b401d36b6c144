"""You turn the scale into a tensor of the gradient's dtype: in fp16 a scale above 65504 is inf, and everything divided by it is
0. Divide by the plain number."""

import torch


class DynamicLossScaler(DynamicLossScaler):
    def unscale_(self, parameters):
        found_inf = False
        for p in parameters:
            if p.grad is not None:
                found_inf |= not p.grad.isfinite().all().item()
                p.grad.div_(torch.tensor(self.loss_scale, dtype=p.grad.dtype))
        return found_inf
