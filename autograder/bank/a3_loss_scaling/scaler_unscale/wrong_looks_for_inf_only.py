"""You look for inf and not for NaN: inf - inf in the backward pass is NaN, and a NaN in the step ruins every weight it touches.
Ask for isfinite."""


class DynamicLossScaler(DynamicLossScaler):
    def unscale_(self, parameters):
        found_inf = False
        for p in parameters:
            if p.grad is not None:
                p.grad.div_(self.loss_scale)
                found_inf |= p.grad.isinf().any().item()
        return found_inf
