"""Your spike alarm compares the norm with a fixed number: what is large depends on the run, so compare with its own recent
norms."""

import math
from collections import deque
from statistics import fmean


class StabilityMonitor:
    def __init__(self):
        self.fired = deque(maxlen=20)

    def observe(self, record):
        alarms = []
        if not (math.isfinite(record.loss) and math.isfinite(record.grad_norm)):
            alarms.append("nonfinite")
        if record.grad_norm > 5.0:
            alarms.append("spike")
        self.fired.append(record.clipped)
        if len(self.fired) == 20 and fmean(self.fired) > 0.6:
            alarms.append("firing_rate")
        if record.update_ratio > 0.05:
            alarms.append("update_ratio")
        return alarms
