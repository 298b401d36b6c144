"""You add up the losses and go backward once at the end: that keeps every micro-batch's graph in memory, which accumulation is
there to avoid."""

import torch


def accumulated_step(loss_sum, micro_batches, parameters, optimizer, max_norm):
    parameters = list(parameters)
    optimizer.zero_grad()
    total, tokens = 0.0, 0
    losses = []
    for micro_batch in micro_batches:
        loss, count = loss_sum(micro_batch)
        losses.append(loss)
        total += loss.item()
        tokens += count
    if tokens == 0:
        return 0.0, 0.0
    sum(losses).backward()
    for p in parameters:
        if p.grad is not None:
            p.grad /= tokens
    norm = torch.nn.utils.clip_grad_norm_(parameters, max_norm)
    optimizer.step()
    return total / tokens, norm
