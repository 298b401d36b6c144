"""Small helper functions, and a list by unpacking."""

import torch


def train_step(loss, parameters, optimizer, scaler, max_norm):
    parameters = [*parameters]

    def backward():
        optimizer.zero_grad()
        scaler.scale(loss).backward()
        return scaler.unscale_(parameters)

    def step():
        torch.nn.utils.clip_grad_norm_(parameters, max_norm=max_norm)
        optimizer.step()

    overflowed = backward()
    overflowed or step()
    scaler.update(found_inf=overflowed)
    return not overflowed
