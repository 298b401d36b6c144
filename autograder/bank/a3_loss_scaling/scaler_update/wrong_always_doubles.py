"""You double the scale whatever growth_factor says."""


class DynamicLossScaler(DynamicLossScaler):
    def update(self, found_inf):
        if found_inf:
            self.loss_scale *= self.backoff_factor
            self.good_steps = 0
        else:
            self.good_steps += 1
            if self.good_steps == self.growth_interval:
                self.loss_scale *= 2
                self.good_steps = 0
