"""Your spike alarm never sounds. If it is a z-score: with the step itself among the 20 it is judged by, z cannot exceed 4.4.
Judge a step by the steps before it."""

import math
from collections import deque
from statistics import fmean, pstdev


class StabilityMonitor:
    def __init__(self):
        self.norms, self.fired = deque(maxlen=20), deque(maxlen=20)

    def observe(self, record):
        alarms = []
        if not (math.isfinite(record.loss) and math.isfinite(record.grad_norm)):
            alarms.append("nonfinite")
        if math.isfinite(record.grad_norm):
            self.norms.append(record.grad_norm)
        if len(self.norms) == 20 and record.grad_norm > fmean(self.norms) + 5 * pstdev(self.norms):
            alarms.append("spike")
        self.fired.append(record.clipped)
        if len(self.fired) == 20 and fmean(self.fired) > 0.6:
            alarms.append("firing_rate")
        if record.update_ratio > 0.05:
            alarms.append("update_ratio")
        return alarms
