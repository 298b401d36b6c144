"""You grow at every growth_interval-th step of the run, whatever happened before it: count good steps since the last inf and
since the last growth."""


class DynamicLossScaler(DynamicLossScaler):
    def update(self, found_inf):
        self.good_steps += 1
        if found_inf:
            self.loss_scale *= self.backoff_factor
        elif self.good_steps % self.growth_interval == 0:
            self.loss_scale *= self.growth_factor
