"""You rescale every gradient to length max_norm: one that is within the limit must stay as it is."""

import torch


def train_step(loss, parameters, optimizer, scaler, max_norm):
    parameters = list(parameters)
    optimizer.zero_grad()
    scaler.scale(loss).backward()
    found_inf = scaler.unscale_(parameters)
    norm = torch.cat([p.grad.flatten() for p in parameters]).norm()
    for p in parameters:
        p.grad *= max_norm / norm
    if not found_inf:
        optimizer.step()
    scaler.update(found_inf)
    return not found_inf
