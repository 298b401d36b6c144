"""You call loss_sum twice per micro-batch, once to count: a forward pass is what costs. Divide the gradients at the end
instead."""

import torch


def accumulated_step(loss_sum, micro_batches, parameters, optimizer, max_norm):
    parameters, micro_batches = list(parameters), list(micro_batches)
    optimizer.zero_grad()
    total, tokens = 0.0, sum(loss_sum(micro_batch)[1] for micro_batch in micro_batches)
    for micro_batch in micro_batches:
        loss, _ = loss_sum(micro_batch)
        (loss / max(tokens, 1)).backward()
        total += loss.item()
    if tokens == 0:
        return 0.0, 0.0
    norm = torch.nn.utils.clip_grad_norm_(parameters, max_norm)
    optimizer.step()
    return total / tokens, norm
