"""You clip the gradients while they still carry the loss scale, so that the true limit is max_norm divided by the scale: unscale
first."""

import torch


def train_step(loss, parameters, optimizer, scaler, max_norm):
    parameters = list(parameters)
    optimizer.zero_grad()
    scaler.scale(loss).backward()
    torch.nn.utils.clip_grad_norm_(parameters, max_norm)
    found_inf = scaler.unscale_(parameters)
    if not found_inf:
        optimizer.step()
    scaler.update(found_inf)
    return not found_inf
