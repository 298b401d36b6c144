"""You clip each parameter's gradient by its own norm: pass all parameters to the clip function at once."""

import torch


def accumulated_step(loss_sum, micro_batches, parameters, optimizer, max_norm):
    parameters = list(parameters)
    optimizer.zero_grad()
    total, tokens = 0.0, 0
    for micro_batch in micro_batches:
        loss, count = loss_sum(micro_batch)
        loss.backward()
        total += loss.item()
        tokens += count
    if tokens == 0:
        return 0.0, 0.0
    for p in parameters:
        if p.grad is not None:
            p.grad /= tokens
    norm = sum(torch.nn.utils.clip_grad_norm_([p], max_norm) ** 2 for p in parameters) ** 0.5
    optimizer.step()
    return total / tokens, norm
