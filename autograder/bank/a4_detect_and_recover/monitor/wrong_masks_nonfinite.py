"""You ask about the spike first and about inf or NaN only if there is none: a broken number that counts as a spike is then never
called nonfinite."""

import math
from collections import deque
from statistics import fmean, median


class StabilityMonitor:
    def __init__(self):
        self.norms, self.fired = deque(maxlen=20), deque(maxlen=20)

    def observe(self, record):
        alarms = []
        if len(self.norms) >= 10 and not record.grad_norm <= 5 * median(self.norms):
            alarms.append("spike")
        elif not (math.isfinite(record.loss) and math.isfinite(record.grad_norm)):
            alarms.append("nonfinite")
        if math.isfinite(record.grad_norm):
            self.norms.append(record.grad_norm)
        self.fired.append(record.clipped)
        if len(self.fired) == 20 and fmean(self.fired) > 0.6:
            alarms.append("firing_rate")
        if record.update_ratio > 0.05:
            alarms.append("update_ratio")
        return alarms
