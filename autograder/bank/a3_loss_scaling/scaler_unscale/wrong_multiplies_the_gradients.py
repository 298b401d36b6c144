"""Your unscale_ multiplies the gradients by the scale once more: divide them by it."""


class DynamicLossScaler(DynamicLossScaler):
    def unscale_(self, parameters):
        found_inf = False
        for p in parameters:
            if p.grad is not None:
                found_inf |= not p.grad.isfinite().all().item()
                p.grad.mul_(self.loss_scale)
        return found_inf
