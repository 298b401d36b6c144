"""Your monitor never says a word: an empty list at every step costs nothing and notices nothing."""


class StabilityMonitor:
    def observe(self, record):
        return []
