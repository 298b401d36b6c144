"""Your default growth_interval is 1000: it is 2000."""


class DynamicLossScaler(DynamicLossScaler):
    def __init__(self, init_scale=65536.0, growth_factor=2.0, backoff_factor=0.5, growth_interval=1000):
        super().__init__(init_scale, growth_factor, backoff_factor, growth_interval)
