"""You take the arguments in another order: it is init_scale, growth_factor, backoff_factor, growth_interval."""


class DynamicLossScaler(DynamicLossScaler):
    def __init__(self, init_scale=65536.0, backoff_factor=0.5, growth_factor=2.0, growth_interval=2000):
        super().__init__(init_scale, growth_factor, backoff_factor, growth_interval)
