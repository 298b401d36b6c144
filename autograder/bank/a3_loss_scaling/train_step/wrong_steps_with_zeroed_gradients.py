"""You set the gradients to 0 and step all the same: momentum, Adam's averages and weight decay move the weights even then. Leave
the step out."""

import torch


def train_step(loss, parameters, optimizer, scaler, max_norm):
    parameters = list(parameters)
    optimizer.zero_grad()
    scaler.scale(loss).backward()
    found_inf = scaler.unscale_(parameters)
    torch.nn.utils.clip_grad_norm_(parameters, max_norm)
    if found_inf:
        for p in parameters:
            p.grad.zero_()
    optimizer.step()
    scaler.update(found_inf)
    return not found_inf
