"""You take found_inf the wrong way round: True means that an inf was found, and the scale must fall."""


class DynamicLossScaler(DynamicLossScaler):
    def update(self, found_inf):
        if not found_inf:
            self.loss_scale *= self.backoff_factor
            self.good_steps = 0
        else:
            self.good_steps += 1
            if self.good_steps == self.growth_interval:
                self.loss_scale *= self.growth_factor
                self.good_steps = 0
