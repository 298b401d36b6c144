"""You return from inside the loop and look at the first gradient alone: return after it."""

import torch


class DynamicLossScaler(DynamicLossScaler):
    def unscale_(self, parameters):
        for p in parameters:
            if p.grad is not None:
                p.grad.div_(self.loss_scale)
                return not torch.isfinite(p.grad).all().item()
        return False
