"""You look something up that is not there: a record has step, loss, grad_norm, clipped_norm, clipped and update_ratio, and no
learning rate, which is another number than the ratio."""

import math
from collections import deque
from statistics import fmean, median


class StabilityMonitor:
    def __init__(self):
        self.norms, self.fired = deque(maxlen=20), deque(maxlen=20)

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
        if record.lr > 0.05:
            alarms.append("update_ratio")
        return alarms
