"""Your spike alarm misses a single gradient that is hundreds of times too large: its loss is as usual, and the next step is
calm again. Look at the gradient norm, and sound at the first step."""

import math
from collections import deque
from statistics import fmean, median


class StabilityMonitor:
    def __init__(self):
        self.losses, self.fired = deque(maxlen=20), deque(maxlen=20)

    def observe(self, record):
        alarms = []
        if not (math.isfinite(record.loss) and math.isfinite(record.grad_norm)):
            alarms.append("nonfinite")
        if len(self.losses) >= 10 and record.loss > median(self.losses) + 1:
            alarms.append("spike")
        if math.isfinite(record.loss):
            self.losses.append(record.loss)
        self.fired.append(record.clipped)
        if len(self.fired) == 20 and fmean(self.fired) > 0.6:
            alarms.append("firing_rate")
        if record.update_ratio > 0.05:
            alarms.append("update_ratio")
        return alarms
