"""Your scale only falls: after growth_interval good steps in a row it must grow again, or one bad batch lowers it for good."""


class DynamicLossScaler(DynamicLossScaler):
    def update(self, found_inf):
        if found_inf:
            self.loss_scale *= self.backoff_factor
