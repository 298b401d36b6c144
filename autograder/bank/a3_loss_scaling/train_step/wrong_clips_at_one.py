"""You clip at 1.0 whatever max_norm says."""

import torch


def train_step(loss, parameters, optimizer, scaler, max_norm):
    parameters = list(parameters)
    optimizer.zero_grad()
    scaler.scale(loss).backward()
    found_inf = scaler.unscale_(parameters)
    torch.nn.utils.clip_grad_norm_(parameters, 1.0)
    if not found_inf:
        optimizer.step()
    scaler.update(found_inf)
    return not found_inf
