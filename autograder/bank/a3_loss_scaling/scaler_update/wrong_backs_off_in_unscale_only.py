"""You lower the scale in unscale_ and not in update: unscale_ only reports, update(True) backs off."""


class DynamicLossScaler(DynamicLossScaler):
    def unscale_(self, parameters):
        found_inf = super().unscale_(parameters)
        if found_inf:
            self.loss_scale *= self.backoff_factor
            self.good_steps = 0
        return found_inf

    def update(self, found_inf):
        if not found_inf:
            super().update(found_inf)
