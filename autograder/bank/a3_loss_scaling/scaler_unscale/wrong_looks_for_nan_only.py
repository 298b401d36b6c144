"""You look for NaN and not for inf: an overflow is inf first. Ask for isfinite."""


class DynamicLossScaler(DynamicLossScaler):
    def unscale_(self, parameters):
        found_inf = False
        for p in parameters:
            if p.grad is not None:
                p.grad.div_(self.loss_scale)
                found_inf |= p.grad.isnan().any().item()
        return found_inf
