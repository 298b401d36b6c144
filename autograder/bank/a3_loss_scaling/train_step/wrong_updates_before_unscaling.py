"""You update the scaler before you unscale: if the scale changes there, the gradients are divided by another number than the loss
was multiplied by."""

import torch


def train_step(loss, parameters, optimizer, scaler, max_norm):
    parameters = list(parameters)
    optimizer.zero_grad()
    scaler.scale(loss).backward()
    found_inf = any(not p.grad.isfinite().all() for p in parameters)
    scaler.update(found_inf)
    scaler.unscale_(parameters)
    torch.nn.utils.clip_grad_norm_(parameters, max_norm)
    if not found_inf:
        optimizer.step()
    return not found_inf
