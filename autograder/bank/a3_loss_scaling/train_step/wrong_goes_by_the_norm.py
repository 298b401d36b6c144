"""You skip when the norm that clipping returns is not finite, and not when the scaler says so: go by what unscale_ returns."""

import torch


def train_step(loss, parameters, optimizer, scaler, max_norm):
    parameters = list(parameters)
    optimizer.zero_grad()
    scaler.scale(loss).backward()
    found_inf = scaler.unscale_(parameters)
    norm = torch.nn.utils.clip_grad_norm_(parameters, max_norm)
    stepped = bool(norm.isfinite())
    if stepped:
        optimizer.step()
    scaler.update(found_inf)
    return stepped
