"""Your scaler does nothing yet: scale must multiply the loss, unscale_ divide the gradients and report inf and NaN."""


class DynamicLossScaler:
    def __init__(self, init_scale=65536.0, growth_factor=2.0, backoff_factor=0.5, growth_interval=2000):
        self.loss_scale = init_scale

    def scale(self, loss):
        return loss

    def unscale_(self, parameters):
        return False

    def update(self, found_inf):
        pass
