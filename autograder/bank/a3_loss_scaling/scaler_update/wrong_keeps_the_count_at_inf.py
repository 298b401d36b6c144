"""You keep the count of good steps when you back off: a bad step sets it to 0, because only good steps in a row count."""


class DynamicLossScaler(DynamicLossScaler):
    def update(self, found_inf):
        if found_inf:
            self.loss_scale *= self.backoff_factor
        else:
            self.good_steps += 1
            if self.good_steps == self.growth_interval:
                self.loss_scale *= self.growth_factor
                self.good_steps = 0
