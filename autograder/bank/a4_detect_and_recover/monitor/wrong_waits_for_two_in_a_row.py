"""Your spike alarm misses a single gradient that is hundreds of times too large: its loss is as usual, and the next step is
calm again. Look at the gradient norm, and sound at the first step."""

import math
from collections import deque
from statistics import fmean, median


class StabilityMonitor:
    def __init__(self, window=20, spike_factor=5.0, firing_limit=0.6, ratio_limit=0.05):
        self.high = False
        self.norms, self.fired = deque(maxlen=window), deque(maxlen=window)
        self.window, self.spike_factor, self.firing_limit, self.ratio_limit = window, spike_factor, firing_limit, ratio_limit

    def observe(self, record):
        alarms = []
        high = len(self.norms) >= 10 and record.grad_norm > self.spike_factor * median(self.norms)
        if not (math.isfinite(record.loss) and math.isfinite(record.grad_norm)):
            alarms.append("nonfinite")
        elif high and self.high:
            alarms.append("spike")
        self.high = high
        if math.isfinite(record.grad_norm):
            self.norms.append(record.grad_norm)
        self.fired.append(record.clipped)
        if len(self.fired) == self.window and fmean(self.fired) > self.firing_limit:
            alarms.append("firing_rate")
        if record.update_ratio > self.ratio_limit:
            alarms.append("update_ratio")
        return alarms
