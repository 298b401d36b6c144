"""Your class has no defaults: DynamicLossScaler() must start at 65536, with factors 2.0 and 0.5 and an interval of 2000."""


class DynamicLossScaler(DynamicLossScaler):
    def __init__(self, init_scale, growth_factor, backoff_factor, growth_interval):
        super().__init__(init_scale, growth_factor, backoff_factor, growth_interval)
