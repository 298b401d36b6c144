"""With numpy: three times the upper quartile, and a set of alarms."""

import math

import numpy as np


class StabilityMonitor:
    def __init__(self):
        self.norms, self.fired = [], []

    def observe(self, record):
        alarms = []
        if not (math.isfinite(record.loss) and math.isfinite(record.grad_norm)):
            alarms.append("nonfinite")
        if len(self.norms) >= 16 and record.grad_norm > 3 * np.percentile(self.norms[-32:], 75):
            alarms.append("spike")
        if math.isfinite(record.grad_norm):
            self.norms.append(record.grad_norm)
        self.fired.append(record.clipped)
        if len(self.fired) >= 20 and np.mean(self.fired[-20:]) > 0.65:
            alarms.append("firing_rate")
        if record.update_ratio > 0.05:
            alarms.append("update_ratio")
        return set(alarms)
