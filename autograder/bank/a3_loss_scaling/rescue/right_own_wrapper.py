"""With a wrapper of its own instead of MicroBatch, and a label."""

from stabilitylab import train


class Divided(DynamicLossScaler):
    def __init__(self, count):
        super().__init__(init_scale=2**36, growth_interval=10)
        self.count = count

    def scale(self, loss):
        return super().scale(loss) / self.count

    def unscale_(self, parameters):
        found_inf = super().unscale_(parameters)
        for p in parameters:
            if p.grad is not None:
                p.grad.mul_(self.count)
        return found_inf


def rescue(config, count):
    return train(config, label="rescued", scaler=Divided(count))
