"""You update the scaler before the optimizer steps: the order asked for is step, then update."""

import torch


def train_step(loss, parameters, optimizer, scaler, max_norm):
    parameters = list(parameters)
    optimizer.zero_grad()
    scaler.scale(loss).backward()
    found_inf = scaler.unscale_(parameters)
    torch.nn.utils.clip_grad_norm_(parameters, max_norm)
    scaler.update(found_inf)
    if not found_inf:
        optimizer.step()
    return not found_inf
