"""Your update_ratio alarm is silent in a run that is too hot from its first step on. Compare the ratio of each step, from the
first one, with a fixed share near 0.05."""

import math
from collections import deque
from statistics import fmean, median


class StabilityMonitor:
    def __init__(self):
        self.norms, self.fired, self.ratios = (deque(maxlen=20) for _ in range(3))

    def observe(self, record):
        alarms = []
        if not (math.isfinite(record.loss) and math.isfinite(record.grad_norm)):
            alarms.append("nonfinite")
        if len(self.norms) >= 10 and record.grad_norm > 5 * median(self.norms):
            alarms.append("spike")
        if math.isfinite(record.grad_norm):
            self.norms.append(record.grad_norm)
        self.fired.append(record.clipped)
        if len(self.fired) == 20 and fmean(self.fired) > 0.6:
            alarms.append("firing_rate")
        if len(self.ratios) >= 5 and record.update_ratio > 4 * median(self.ratios):
            alarms.append("update_ratio")
        self.ratios.append(record.update_ratio)
        return alarms
