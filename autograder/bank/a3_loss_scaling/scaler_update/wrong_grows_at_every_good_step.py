"""You grow at every good step: growth waits for growth_interval good steps in a row."""


class DynamicLossScaler(DynamicLossScaler):
    def update(self, found_inf):
        self.loss_scale *= self.backoff_factor if found_inf else self.growth_factor
