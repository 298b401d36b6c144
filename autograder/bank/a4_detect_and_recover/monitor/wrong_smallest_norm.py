"""Your spike alarm sounds at norms hardly above the usual: gradient norms of a calm run vary by a factor of two from step to
step."""

import math
from collections import deque
from statistics import fmean


class StabilityMonitor:
    def __init__(self, window=20, spike_factor=5.0, firing_limit=0.6, ratio_limit=0.05):
        self.norms, self.fired = deque(maxlen=window), deque(maxlen=window)
        self.window, self.spike_factor, self.firing_limit, self.ratio_limit = window, spike_factor, firing_limit, ratio_limit

    def observe(self, record):
        alarms = []
        if not (math.isfinite(record.loss) and math.isfinite(record.grad_norm)):
            alarms.append("nonfinite")
        elif len(self.norms) >= self.window // 2 and record.grad_norm > 2 * min(self.norms):
            alarms.append("spike")
        if math.isfinite(record.grad_norm):
            self.norms.append(record.grad_norm)
        self.fired.append(record.clipped)
        if len(self.fired) == self.window and fmean(self.fired) > self.firing_limit:
            alarms.append("firing_rate")
        if record.update_ratio > self.ratio_limit:
            alarms.append("update_ratio")
        return alarms
