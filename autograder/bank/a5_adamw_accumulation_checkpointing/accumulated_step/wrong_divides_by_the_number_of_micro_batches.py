"""You divide the sums by the number of micro-batches: divide by the number of tokens in all of them."""

import torch


def accumulated_step(loss_sum, micro_batches, parameters, optimizer, max_norm):
    parameters, micro_batches = list(parameters), list(micro_batches)
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
            p.grad /= len(micro_batches)
    norm = torch.nn.utils.clip_grad_norm_(parameters, max_norm)
    optimizer.step()
    return total / tokens, norm
