"""Reference answers of a4_detect_and_recover."""

import copy
import math
from collections import deque
from statistics import fmean, median

import torch


class StabilityMonitor:
    def __init__(self, window=20, spike_factor=5.0, firing_limit=0.6, ratio_limit=0.05):
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


class Checkpoint:
    def __init__(self, job):
        self.state = copy.deepcopy(
            {
                "model": job.model.state_dict(),
                "optimizer": job.optimizer.state_dict(),
                "dropout": torch.get_rng_state(),
                "order": job.data.order,
                "position": job.data.position,
                "shuffling": job.data.generator.get_state(),
                "step": job.step,
            }
        )

    def restore(self, job):
        state = copy.deepcopy(self.state)
        job.model.load_state_dict(state["model"])
        job.optimizer.load_state_dict(state["optimizer"])
        torch.set_rng_state(state["dropout"])
        job.data.order, job.data.position = state["order"], state["position"]
        job.data.generator.set_state(state["shuffling"])
        job.step = state["step"]


def train_with_rollback(trainer, is_bad, every, lr_factor):
    scheduled, factor = trainer.schedule, 1.0
    checkpoint, records, step = trainer.state(), [], 0
    while step < trainer.config.steps:
        trainer.schedule = lambda step, factor=factor: factor * scheduled(step)
        for record in trainer.steps(first=step):
            records.append(record)
            step = record.step + 1
            if is_bad(record):
                trainer.restore(checkpoint)
                factor *= lr_factor
                break
            if step % every == 0:
                checkpoint = trainer.state()
    return records
