"""Looks for inf and for NaN by hand, after dividing, and says what it finds on both streams."""

import math
import warnings


class DynamicLossScaler(DynamicLossScaler):
    def unscale_(self, parameters):
        bad = 0
        for p in list(parameters):
            g = p.grad
            if g is not None:
                g.copy_(g / self.loss_scale)
                bad += int(((g != g) | (g.abs() == math.inf)).sum())
        if bad:
            print("found", bad)
            warnings.warn(f"{bad} elements are not finite")
        return bad > 0
