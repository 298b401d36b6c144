"""Reference answers of a3_loss_scaling."""

import torch

from stabilitylab import train
from stabilitylab.experiments.precision.fp16_underflow import MicroBatch


class DynamicLossScaler:
    def __init__(self, init_scale=65536.0, growth_factor=2.0, backoff_factor=0.5, growth_interval=2000):
        self.loss_scale = float(init_scale)
        self.growth_factor, self.backoff_factor, self.growth_interval = growth_factor, backoff_factor, growth_interval
        self.good_steps = 0

    def scale(self, loss):
        return loss * self.loss_scale

    def unscale_(self, parameters):
        found_inf = False
        for p in parameters:
            if p.grad is not None:
                found_inf = found_inf or not bool(p.grad.isfinite().all())
                p.grad.div_(self.loss_scale)
        return found_inf

    def update(self, found_inf):
        if found_inf:
            self.loss_scale *= self.backoff_factor
            self.good_steps = 0
            return
        self.good_steps += 1
        if self.good_steps == self.growth_interval:
            self.loss_scale *= self.growth_factor
            self.good_steps = 0


def train_step(loss, parameters, optimizer, scaler, max_norm):
    parameters = list(parameters)
    optimizer.zero_grad()
    scaler.scale(loss).backward()
    found_inf = scaler.unscale_(parameters)
    torch.nn.utils.clip_grad_norm_(parameters, max_norm)
    if not found_inf:
        optimizer.step()
    scaler.update(found_inf)
    return not found_inf


def rescue(config, count):
    return train(config, scaler=MicroBatch(count, DynamicLossScaler(init_scale=2.0**36, growth_interval=10)))
