"""A spike hides the next one from your alarm: a huge norm in a mean does that for a whole window, and so does a pause after
an alarm or a window that is emptied. Compare with a median, at every step."""

import math
from collections import deque
from statistics import fmean


class StabilityMonitor:
    def __init__(self):
        self.norms, self.fired = deque(maxlen=20), deque(maxlen=20)

    def observe(self, record):
        alarms = []
        if not (math.isfinite(record.loss) and math.isfinite(record.grad_norm)):
            alarms.append("nonfinite")
        if len(self.norms) >= 10 and record.grad_norm > 5 * fmean(self.norms):
            alarms.append("spike")
        if math.isfinite(record.grad_norm):
            self.norms.append(record.grad_norm)
        self.fired.append(record.clipped)
        if len(self.fired) == 20 and fmean(self.fired) > 0.6:
            alarms.append("firing_rate")
        if record.update_ratio > 0.05:
            alarms.append("update_ratio")
        return alarms
