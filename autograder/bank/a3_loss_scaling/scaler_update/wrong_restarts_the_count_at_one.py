"""After growing you begin to count at 1: the count starts at 0, or every later growth comes one step early."""


class DynamicLossScaler(DynamicLossScaler):
    def update(self, found_inf):
        if found_inf:
            self.loss_scale *= self.backoff_factor
            self.good_steps = 0
        else:
            self.good_steps += 1
            if self.good_steps >= self.growth_interval:
                self.loss_scale *= self.growth_factor
                self.good_steps = 1
