"""A longer window, three times the median, and a strict firing rate."""

import math
from collections import deque
from statistics import median


class StabilityMonitor:
    def __init__(self, window=50):
        self.norms, self.fired = deque(maxlen=window), deque(maxlen=16)

    def observe(self, record):
        alarms = []
        if not (math.isfinite(record.loss) and math.isfinite(record.grad_norm)):
            alarms.append("nonfinite")
        if len(self.norms) >= 10 and record.grad_norm > 4 * median(self.norms):
            alarms.append("spike")
        if math.isfinite(record.grad_norm):
            self.norms.append(record.grad_norm)
        self.fired.append(record.clipped)
        if len(self.fired) == 16 and sum(self.fired) >= 14:
            alarms.append("firing_rate")
        if record.update_ratio > 0.045:
            alarms.append("update_ratio")
        return alarms
