"""Your update goes by what unscale_ saw last and ignores its argument: the verdict that counts is the one it is given."""


class DynamicLossScaler(DynamicLossScaler):
    def unscale_(self, parameters):
        self.seen = super().unscale_(parameters)
        return self.seen

    def update(self, found_inf):
        super().update(getattr(self, "seen", False))
