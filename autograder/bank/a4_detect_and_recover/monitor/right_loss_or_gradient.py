"""Looks at the loss as well as at the gradient, and returns a tuple."""

import math
from collections import deque
from statistics import fmean, median


class StabilityMonitor:
    def __init__(self):
        self.norms, self.losses, self.fired = deque(maxlen=30), deque(maxlen=30), deque(maxlen=20)

    def observe(self, record):
        alarms = []
        if not (math.isfinite(record.loss) and math.isfinite(record.grad_norm)):
            alarms.append("nonfinite")
        enough = len(self.norms) >= 15
        if enough and (record.grad_norm > 6 * median(self.norms) or record.loss > median(self.losses) + 1.5):
            alarms.append("spike")
        if math.isfinite(record.grad_norm) and math.isfinite(record.loss):
            self.norms.append(record.grad_norm)
            self.losses.append(record.loss)
        self.fired.append(record.clipped)
        if len(self.fired) == 20 and fmean(self.fired) > 0.6:
            alarms.append("firing_rate")
        if record.update_ratio > 0.05:
            alarms.append("update_ratio")
        return tuple(alarms)
