"""Nothing is equal to NaN, not even NaN: a comparison with float('nan') never holds. Use math.isfinite."""

import math
from collections import deque
from statistics import fmean, median


class StabilityMonitor:
    def __init__(self):
        self.norms, self.fired = deque(maxlen=20), deque(maxlen=20)

    def observe(self, record):
        alarms = []
        if record.loss in (float("inf"), -float("inf")) or record.loss == float("nan") or record.grad_norm == float("inf"):
            alarms.append("nonfinite")
        if len(self.norms) >= 10 and record.grad_norm > 5 * median(self.norms):
            alarms.append("spike")
        if math.isfinite(record.grad_norm):
            self.norms.append(record.grad_norm)
        self.fired.append(record.clipped)
        if len(self.fired) == 20 and fmean(self.fired) > 0.6:
            alarms.append("firing_rate")
        if record.update_ratio > 0.05:
            alarms.append("update_ratio")
        return alarms
