"""You return at the first inf and leave the gradients after it scaled: divide all of them, and return the verdict at the end."""


class DynamicLossScaler(DynamicLossScaler):
    def unscale_(self, parameters):
        for p in parameters:
            if p.grad is not None:
                p.grad.div_(self.loss_scale)
                if not p.grad.isfinite().all():
                    return True
        return False
