"""You always bring the gradient to the length max_norm: clipping only shortens, and leaves a short gradient as it is."""

import torch


def accumulated_step(loss_sum, micro_batches, parameters, optimizer, max_norm):
    parameters = list(parameters)
    optimizer.zero_grad()
    total, tokens = 0.0, 0
    for micro_batch in micro_batches:
        loss, count = loss_sum(micro_batch)
        if count:
            loss.backward()
            total += loss.item()
            tokens += count
    if not tokens:
        return 0.0, 0.0
    for p in parameters:
        if p.grad is not None:
            p.grad.div_(tokens)
    norm = torch.nn.utils.clip_grad_norm_(parameters, float("inf"))
    for p in parameters:
        if p.grad is not None:
            p.grad.mul_(max_norm / norm)
    optimizer.step()
    return total / tokens, norm.item()
