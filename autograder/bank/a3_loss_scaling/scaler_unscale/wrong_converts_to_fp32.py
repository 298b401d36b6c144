"""You put fp32 tensors in .grad: a gradient must keep its dtype, so divide it in place."""

import torch


class DynamicLossScaler(DynamicLossScaler):
    def unscale_(self, parameters):
        found_inf = False
        for p in parameters:
            if p.grad is not None:
                found_inf |= not p.grad.isfinite().all().item()
                if p.grad.dtype == torch.float32:
                    p.grad.div_(self.loss_scale)
                else:
                    p.grad = p.grad.float() / self.loss_scale
        return found_inf
