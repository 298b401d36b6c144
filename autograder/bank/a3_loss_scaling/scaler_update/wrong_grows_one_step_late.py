"""You grow one good step late (> where >= is meant): the update that completes growth_interval good steps grows."""


class DynamicLossScaler(DynamicLossScaler):
    def update(self, found_inf):
        if found_inf:
            self.loss_scale *= self.backoff_factor
            self.good_steps = 0
        else:
            self.good_steps += 1
            if self.good_steps > self.growth_interval:
                self.loss_scale *= self.growth_factor
                self.good_steps = 0
