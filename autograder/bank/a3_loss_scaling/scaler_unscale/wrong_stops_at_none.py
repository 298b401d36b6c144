"""You stop at the first parameter without a gradient: skip that one (continue) and go on with the others."""


class DynamicLossScaler(DynamicLossScaler):
    def unscale_(self, parameters):
        found_inf = False
        for p in parameters:
            if p.grad is None:
                break
            p.grad.div_(self.loss_scale)
            found_inf |= not p.grad.isfinite().all().item()
        return found_inf
