"""You reach beyond the end of a list: record.step, for one, is no index, since a resumed run begins anywhere. Count what your
monitor has seen."""

import math
from collections import deque
from statistics import fmean, median


class StabilityMonitor:
    def __init__(self):
        self.norms, self.fired = [], deque(maxlen=20)

    def observe(self, record):
        alarms = []
        if not (math.isfinite(record.loss) and math.isfinite(record.grad_norm)):
            alarms.append("nonfinite")
        before = [n for n in self.norms[max(0, record.step - 20) : record.step] if math.isfinite(n)]
        if len(before) >= 10 and record.grad_norm > 5 * median(before):
            alarms.append("spike")
        self.norms.append(record.grad_norm)
        self.last = self.norms[record.step]
        self.fired.append(record.clipped)
        if len(self.fired) == 20 and fmean(self.fired) > 0.6:
            alarms.append("firing_rate")
        if record.update_ratio > 0.05:
            alarms.append("update_ratio")
        return alarms
