"""You compare with +inf and miss -inf and NaN: ask for isfinite."""


class DynamicLossScaler(DynamicLossScaler):
    def unscale_(self, parameters):
        found_inf = False
        for p in parameters:
            if p.grad is not None:
                p.grad.div_(self.loss_scale)
                found_inf = found_inf or bool((p.grad == float("inf")).any())
        return found_inf
