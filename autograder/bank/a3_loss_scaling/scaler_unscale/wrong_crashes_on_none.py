"""A parameter that took no part in the loss has .grad None: skip it instead of computing with it."""


class DynamicLossScaler(DynamicLossScaler):
    def unscale_(self, parameters):
        found_inf = False
        for p in parameters:
            p.grad.div_(self.loss_scale)
            found_inf |= not p.grad.isfinite().all().item()
        return found_inf
