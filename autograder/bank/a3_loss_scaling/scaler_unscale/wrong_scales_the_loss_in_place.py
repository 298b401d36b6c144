"""Your scale changes the loss that it was given (*= or mul_): return a new one, or the loss that is logged is scaled too."""


class DynamicLossScaler(DynamicLossScaler):
    def scale(self, loss):
        loss *= self.loss_scale
        return loss
