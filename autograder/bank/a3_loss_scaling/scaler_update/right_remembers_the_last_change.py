"""Keeps the number of the step at which the scale last changed, instead of a count."""


class DynamicLossScaler(DynamicLossScaler):
    def update(self, found_inf):
        self.step = getattr(self, "step", 0) + 1
        self.changed = getattr(self, "changed", 0)
        if found_inf:
            self.loss_scale = self.loss_scale * self.backoff_factor
            self.changed = self.step
        elif self.step - self.changed == self.growth_interval:
            self.loss_scale = self.loss_scale * self.growth_factor
            self.changed = self.step
