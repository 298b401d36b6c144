"""You count the bad step as the first of the new row: a bad step sets the count to 0."""


class DynamicLossScaler(DynamicLossScaler):
    def update(self, found_inf):
        self.good_steps += 1
        if found_inf:
            self.loss_scale *= self.backoff_factor
            self.good_steps = 1
        elif self.good_steps >= self.growth_interval:
            self.loss_scale *= self.growth_factor
            self.good_steps = 0
