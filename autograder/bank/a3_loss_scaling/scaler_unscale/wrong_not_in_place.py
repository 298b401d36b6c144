"""You put a new tensor in .grad: divide the existing one in place (div_), or whoever else holds it still sees the scaled
values."""


class DynamicLossScaler(DynamicLossScaler):
    def unscale_(self, parameters):
        found_inf = False
        for p in parameters:
            if p.grad is not None:
                p.grad = p.grad / self.loss_scale
                found_inf |= not p.grad.isfinite().all().item()
        return found_inf
