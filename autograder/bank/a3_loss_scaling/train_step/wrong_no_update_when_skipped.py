"""You return before scaler.update when a step is skipped: the scale then never falls, and every later step is skipped too."""

import torch


def train_step(loss, parameters, optimizer, scaler, max_norm):
    parameters = list(parameters)
    optimizer.zero_grad()
    scaler.scale(loss).backward()
    found_inf = scaler.unscale_(parameters)
    torch.nn.utils.clip_grad_norm_(parameters, max_norm)
    if found_inf:
        return False
    optimizer.step()
    scaler.update(found_inf)
    return True
