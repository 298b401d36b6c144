"""You back off from the first scale each time: multiply the current scale, so that a second inf lowers it further."""


class DynamicLossScaler(DynamicLossScaler):
    def __init__(self, init_scale=65536.0, growth_factor=2.0, backoff_factor=0.5, growth_interval=2000):
        super().__init__(init_scale, growth_factor, backoff_factor, growth_interval)
        self.init_scale = init_scale

    def update(self, found_inf):
        if found_inf:
            self.loss_scale = self.init_scale * self.backoff_factor
            self.good_steps = 0
        else:
            self.good_steps += 1
            if self.good_steps == self.growth_interval:
                self.loss_scale *= self.growth_factor
                self.good_steps = 0
