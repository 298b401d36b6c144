"""Multiplies by the inverse, under no_grad, and returns its verdict as a tensor with one element."""

import torch


class DynamicLossScaler(DynamicLossScaler):
    def scale(self, loss):
        return loss.mul(self.loss_scale)

    @torch.no_grad()
    def unscale_(self, parameters):
        inverse = 1.0 / self.loss_scale
        found_inf = torch.zeros(1, dtype=torch.bool)
        for p in parameters:
            if p.grad is None:
                continue
            found_inf |= ~p.grad.isfinite().all()
            p.grad *= inverse
        return found_inf
