"""Your monitor sounds every alarm at every step: it notices everything and tells nobody anything."""


class StabilityMonitor:
    def observe(self, record):
        return ["nonfinite", "spike", "firing_rate", "update_ratio"]
