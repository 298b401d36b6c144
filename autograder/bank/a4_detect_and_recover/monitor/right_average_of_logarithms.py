"""A running mean of the norm's logarithm, into which a spike counts only as far as the alarm's limit."""

import math


class StabilityMonitor:
    def __init__(self):
        self.level, self.rate, self.seen = None, 0.0, 0

    def observe(self, record):
        alarms = []
        if not (math.isfinite(record.loss) and math.isfinite(record.grad_norm)):
            alarms.append("nonfinite")
        if math.isfinite(record.grad_norm) and record.grad_norm > 0:
            size = math.log(record.grad_norm)
            if self.level is None:
                self.level = size
            if self.seen >= 10 and size > self.level + math.log(5):
                alarms.append("spike")
            self.level += 0.1 * min(math.log(3), size - self.level)
        self.seen += 1
        self.rate += 0.1 * (record.clipped - self.rate)
        if self.rate > 0.8:
            alarms.append("firing_rate")
        if record.update_ratio > 0.05:
            alarms.append("update_ratio")
        return alarms
