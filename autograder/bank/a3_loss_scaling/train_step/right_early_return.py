"""Returns early from a skipped step, after the update, and does not clip in it."""

import torch


def train_step(loss, parameters, optimizer, scaler, max_norm):
    parameters = list(parameters)
    optimizer.zero_grad(set_to_none=False)
    scaler.scale(loss).backward()
    found_inf = scaler.unscale_(parameters)
    if found_inf:
        scaler.update(True)
        return False
    torch.nn.utils.clip_grad_norm_(parameters, max_norm)
    optimizer.step()
    scaler.update(False)
    return True
