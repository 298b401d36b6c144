"""Clears through the optimizer, adds empty micro-batches as zeros, and measures the norm in double precision."""

import math


def accumulated_step(loss_sum, micro_batches, parameters, optimizer, max_norm):
    optimizer.zero_grad(set_to_none=False)
    losses, counts = [], []
    for micro_batch in micro_batches:
        loss, count = loss_sum(micro_batch)
        loss.backward()
        losses.append(float(loss.detach()))
        counts.append(count)
    if not any(counts):
        optimizer.zero_grad()
        return 0, 0
    grads = [p.grad for p in parameters if p.grad is not None]
    for g in grads:
        g.mul_(1 / sum(counts))
    norm = math.sqrt(sum(g.double().pow(2).sum().item() for g in grads))
    if norm > max_norm:
        for g in grads:
            g.mul_(max_norm / norm)
    print("loss", sum(losses) / sum(counts))
    optimizer.step()
    return sum(losses) / sum(counts), norm
