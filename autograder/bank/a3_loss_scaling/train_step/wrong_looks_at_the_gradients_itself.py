"""You look for inf in the gradients yourself and leave the scaler's verdict unused: go by what unscale_ returns."""

import torch


def train_step(loss, parameters, optimizer, scaler, max_norm):
    parameters = list(parameters)
    optimizer.zero_grad()
    scaler.scale(loss).backward()
    scaler.unscale_(parameters)
    found_inf = any(not p.grad.isfinite().all() for p in parameters if p.grad is not None)
    torch.nn.utils.clip_grad_norm_(parameters, max_norm)
    if not found_inf:
        optimizer.step()
    scaler.update(found_inf)
    return not found_inf
