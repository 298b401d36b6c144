"""You never set the count back to 0 after growing, so that it passes growth_interval and the scale never grows again."""


class DynamicLossScaler(DynamicLossScaler):
    def update(self, found_inf):
        if found_inf:
            self.loss_scale *= self.backoff_factor
            self.good_steps = 0
        else:
            self.good_steps += 1
            if self.good_steps == self.growth_interval:
                self.loss_scale *= self.growth_factor
