"""You return True when all is well: unscale_ returns True if it found an inf or a NaN."""


class DynamicLossScaler(DynamicLossScaler):
    def unscale_(self, parameters):
        finite = True
        for p in parameters:
            if p.grad is not None:
                p.grad.div_(self.loss_scale)
                finite = finite and bool(p.grad.isfinite().all())
        return finite
