"""You step when unscale_ found an inf and skip when all is well: it returns True for a step that must be skipped."""

import torch


def train_step(loss, parameters, optimizer, scaler, max_norm):
    parameters = list(parameters)
    optimizer.zero_grad()
    scaler.scale(loss).backward()
    found_inf = scaler.unscale_(parameters)
    torch.nn.utils.clip_grad_norm_(parameters, max_norm)
    if found_inf:
        optimizer.step()
    scaler.update(found_inf)
    return found_inf
