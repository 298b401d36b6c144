"""Your verdict is that of the last gradient alone: `found_inf = ...` inside the loop overwrites what the earlier ones said."""

import torch


class DynamicLossScaler(DynamicLossScaler):
    def unscale_(self, parameters):
        found_inf = False
        for p in parameters:
            if p.grad is not None:
                p.grad.div_(self.loss_scale)
                found_inf = not torch.isfinite(p.grad).all().item()
        return found_inf
