"""You never clear the gradients: backward adds to what is there. Call optimizer.zero_grad() before it."""

import torch


def train_step(loss, parameters, optimizer, scaler, max_norm):
    parameters = list(parameters)
    scaler.scale(loss).backward()
    found_inf = scaler.unscale_(parameters)
    torch.nn.utils.clip_grad_norm_(parameters, max_norm)
    if not found_inf:
        optimizer.step()
    scaler.update(found_inf)
    return not found_inf
