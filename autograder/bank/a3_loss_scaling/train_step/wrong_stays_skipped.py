"""You go on skipping once a step was skipped: each step goes by its own verdict."""

import torch


def train_step(loss, parameters, optimizer, scaler, max_norm):
    parameters = list(parameters)
    optimizer.zero_grad()
    scaler.scale(loss).backward()
    found_inf = scaler.unscale_(parameters)
    scaler.skipping = found_inf or getattr(scaler, "skipping", False)
    torch.nn.utils.clip_grad_norm_(parameters, max_norm)
    if not scaler.skipping:
        optimizer.step()
    scaler.update(found_inf)
    return not scaler.skipping
