"""You divide by the tokens of each micro-batch on the way: one without tokens makes 0 / 0, and one NaN makes every sum it enters
NaN. Add up the sums."""

import torch


def accumulated_step(loss_sum, micro_batches, parameters, optimizer, max_norm):
    parameters = list(parameters)
    optimizer.zero_grad()
    total, tokens = 0.0, 0
    for micro_batch in micro_batches:
        loss, count = loss_sum(micro_batch)
        mean = loss / count
        (mean * count).backward()
        total += mean.item() * count
        tokens += count
    if tokens == 0:
        return 0.0, 0.0
    for p in parameters:
        if p.grad is not None:
            p.grad /= tokens
    norm = torch.nn.utils.clip_grad_norm_(parameters, max_norm)
    optimizer.step()
    return total / tokens, norm
