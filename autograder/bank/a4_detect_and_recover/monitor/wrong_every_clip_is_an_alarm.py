"""Your firing_rate alarm sounds whenever clipping fires: now and then it should. A rate is a share of the last steps."""

import math
from collections import deque
from statistics import median


class StabilityMonitor:
    def __init__(self):
        self.norms = deque(maxlen=20)

    def observe(self, record):
        alarms = []
        if not (math.isfinite(record.loss) and math.isfinite(record.grad_norm)):
            alarms.append("nonfinite")
        if len(self.norms) >= 10 and record.grad_norm > 5 * median(self.norms):
            alarms.append("spike")
        if math.isfinite(record.grad_norm):
            self.norms.append(record.grad_norm)
        if record.clipped:
            alarms.append("firing_rate")
        if record.update_ratio > 0.05:
            alarms.append("update_ratio")
        return alarms
