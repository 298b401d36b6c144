"""You call everything above 65504 infinite: these gradients may be fp32, where that is an ordinary number, and a NaN is above
nothing. Ask for isfinite."""


class DynamicLossScaler(DynamicLossScaler):
    def unscale_(self, parameters):
        found_inf = False
        for p in parameters:
            if p.grad is not None:
                found_inf = found_inf or p.grad.abs().max().item() > 65504
                p.grad.div_(self.loss_scale)
        return found_inf
