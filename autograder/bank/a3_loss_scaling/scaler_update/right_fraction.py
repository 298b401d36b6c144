"""The scale is a fraction, which no factor rounds, behind a read-only property."""

from fractions import Fraction


class DynamicLossScaler:
    def __init__(self, init_scale=65536.0, growth_factor=2.0, backoff_factor=0.5, growth_interval=2000):
        self._scale = Fraction(init_scale)
        self._factors = Fraction(growth_factor), Fraction(backoff_factor)
        self._interval, self._count = growth_interval, 0

    @property
    def loss_scale(self):
        return self._scale

    def scale(self, loss):
        return loss * float(self._scale)

    def unscale_(self, parameters):
        grads = [p.grad for p in parameters if p.grad is not None]
        for grad in grads:
            grad.div_(float(self._scale))
        return not all(bool(grad.isfinite().all()) for grad in grads)

    def update(self, found_inf):
        self._count = 0 if found_inf else self._count + 1
        if found_inf:
            self._scale *= self._factors[1]
        elif self._count == self._interval:
            self._scale, self._count = self._scale * self._factors[0], 0
