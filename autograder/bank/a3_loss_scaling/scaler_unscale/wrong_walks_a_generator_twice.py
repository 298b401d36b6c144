"""You walk through parameters twice: a generator such as model.parameters() is empty the second time, so nothing is found in it.
Use one loop, or make a list first."""


class DynamicLossScaler(DynamicLossScaler):
    def unscale_(self, parameters):
        for p in parameters:
            if p.grad is not None:
                p.grad.div_(self.loss_scale)
        return any(not p.grad.isfinite().all() for p in parameters if p.grad is not None)
