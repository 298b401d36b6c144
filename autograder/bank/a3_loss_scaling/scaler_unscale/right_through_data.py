"""Old style, through .data, with numpy for the verdict."""

import numpy as np


class DynamicLossScaler(DynamicLossScaler):
    def unscale_(self, parameters):
        finite = np.bool_(True)
        for p in parameters:
            if p.grad is not None:
                p.grad.data[...] = p.grad.data / self.loss_scale
                finite &= np.isfinite(p.grad.numpy()).all()
        return ~finite
