"""Takes the parameters from the optimizer, which holds them too, and returns a tensor with one element."""

import torch


def train_step(loss, parameters, optimizer, scaler, max_norm):
    held = [p for group in optimizer.param_groups for p in group["params"]]
    optimizer.zero_grad()
    torch.autograd.backward(scaler.scale(loss))
    found_inf = scaler.unscale_(held)
    torch.nn.utils.clip_grad_norm_(held, max_norm)
    stepped = torch.tensor(not found_inf)
    if stepped:
        optimizer.step()
    scaler.update(found_inf)
    return stepped
