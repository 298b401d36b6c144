"""You sound the spike alarm for the first spike and never again: a run may have several incidents."""

import math
from collections import deque
from statistics import fmean, median


class StabilityMonitor:
    def __init__(self):
        self.norms, self.fired = deque(maxlen=20), deque(maxlen=20)
        self.alarmed = False

    def observe(self, record):
        alarms = []
        if not (math.isfinite(record.loss) and math.isfinite(record.grad_norm)):
            alarms.append("nonfinite")
        if not self.alarmed and len(self.norms) >= 10 and record.grad_norm > 5 * median(self.norms):
            alarms.append("spike")
            self.alarmed = True
        if math.isfinite(record.grad_norm):
            self.norms.append(record.grad_norm)
        self.fired.append(record.clipped)
        if len(self.fired) == 20 and fmean(self.fired) > 0.6:
            alarms.append("firing_rate")
        if record.update_ratio > 0.05:
            alarms.append("update_ratio")
        return alarms
