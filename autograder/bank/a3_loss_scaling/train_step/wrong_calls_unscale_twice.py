"""You call unscale_ twice, and each call divides: call it once and keep its verdict."""

import torch


def train_step(loss, parameters, optimizer, scaler, max_norm):
    parameters = list(parameters)
    optimizer.zero_grad()
    scaler.scale(loss).backward()
    scaler.unscale_(parameters)
    torch.nn.utils.clip_grad_norm_(parameters, max_norm)
    found_inf = scaler.unscale_(parameters)
    if not found_inf:
        optimizer.step()
    scaler.update(found_inf)
    return not found_inf
