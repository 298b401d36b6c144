"""You update the scaler only when a step is skipped: it must hear of the good steps too, or it can never grow."""

import torch


def train_step(loss, parameters, optimizer, scaler, max_norm):
    parameters = list(parameters)
    optimizer.zero_grad()
    scaler.scale(loss).backward()
    found_inf = scaler.unscale_(parameters)
    torch.nn.utils.clip_grad_norm_(parameters, max_norm)
    if found_inf:
        scaler.update(True)
    else:
        optimizer.step()
    return not found_inf
