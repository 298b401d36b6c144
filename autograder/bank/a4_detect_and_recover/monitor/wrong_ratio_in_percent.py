"""Your update_ratio alarm is silent in a run that is too hot from its first step on. Compare the ratio of each step, from the
first one, with a fixed share near 0.05."""

import math
from collections import deque
from statistics import fmean, median


class StabilityMonitor:
    def __init__(self, window=20, spike_factor=5.0, firing_limit=0.6, ratio_limit=6):
        self.norms, self.fired = deque(maxlen=window), deque(maxlen=window)
        self.window, self.spike_factor, self.firing_limit, self.ratio_limit = window, spike_factor, firing_limit, ratio_limit

    def observe(self, record):
        alarms = []
        if not (math.isfinite(record.loss) and math.isfinite(record.grad_norm)):
            alarms.append("nonfinite")
        elif len(self.norms) >= self.window // 2 and record.grad_norm > self.spike_factor * median(self.norms):
            alarms.append("spike")
        if math.isfinite(record.grad_norm):
            self.norms.append(record.grad_norm)
        self.fired.append(record.clipped)
        if len(self.fired) == self.window and fmean(self.fired) > self.firing_limit:
            alarms.append("firing_rate")
        if record.update_ratio > self.ratio_limit:
            alarms.append("update_ratio")
        return alarms
