"""You step whatever unscale_ found: one inf ruins every weight it reaches. Skip the optimizer's step if found_inf is True."""

import torch


def train_step(loss, parameters, optimizer, scaler, max_norm):
    parameters = list(parameters)
    optimizer.zero_grad()
    scaler.scale(loss).backward()
    found_inf = scaler.unscale_(parameters)
    torch.nn.utils.clip_grad_norm_(parameters, max_norm)
    optimizer.step()
    scaler.update(found_inf)
    return not found_inf
