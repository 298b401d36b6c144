"""You skip when the loss is not finite: the gradients overflow long before the loss does. Go by what unscale_ returns."""

import torch


def train_step(loss, parameters, optimizer, scaler, max_norm):
    parameters = list(parameters)
    optimizer.zero_grad()
    scaler.scale(loss).backward()
    found_inf = scaler.unscale_(parameters)
    torch.nn.utils.clip_grad_norm_(parameters, max_norm)
    if torch.isfinite(loss):
        optimizer.step()
    scaler.update(found_inf)
    return not found_inf
