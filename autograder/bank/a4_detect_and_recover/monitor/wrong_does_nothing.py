"""observe returns nothing: it must return a list of the names of the alarms that sound, an empty one if none does."""


class StabilityMonitor:
    def observe(self, record):
        pass
