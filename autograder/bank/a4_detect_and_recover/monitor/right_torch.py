"""With tensors, and NaN ignored by nanmedian."""

import torch


class StabilityMonitor:
    def __init__(self):
        self.norms, self.fired = [], []

    def observe(self, record):
        alarms = []
        if not torch.tensor([record.loss, record.grad_norm]).isfinite().all():
            alarms.append("nonfinite")
        if len(self.norms) >= 12 and record.grad_norm > 4.5 * torch.tensor(self.norms[-24:]).nanmedian():
            alarms.append("spike")
        self.norms.append(record.grad_norm)
        self.fired.append(float(record.clipped))
        if len(self.fired) >= 20 and torch.tensor(self.fired[-20:]).mean() > 0.7:
            alarms.append("firing_rate")
        if record.update_ratio > 0.05:
            alarms.append("update_ratio")
        return alarms
