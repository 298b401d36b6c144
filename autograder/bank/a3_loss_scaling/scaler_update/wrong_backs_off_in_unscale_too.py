"""You lower the scale in unscale_ and again in update: only update may change it."""


class DynamicLossScaler(DynamicLossScaler):
    def unscale_(self, parameters):
        found_inf = super().unscale_(parameters)
        if found_inf:
            self.loss_scale *= self.backoff_factor
        return found_inf
