"""With torch.autograd.grad, sums of its own and clipping by hand."""

import torch


def accumulated_step(loss_sum, micro_batches, parameters, optimizer, max_norm):
    parameters = list(parameters)
    sums = [torch.zeros_like(p) for p in parameters]
    total, tokens = torch.zeros(()), 0
    for micro_batch in micro_batches:
        loss, count = loss_sum(micro_batch)
        if count == 0:
            continue
        for kept, grad in zip(sums, torch.autograd.grad(loss, parameters, allow_unused=True)):
            if grad is not None:
                kept += grad
        total += loss.detach()
        tokens += count
    if not tokens:
        return torch.zeros(()), torch.zeros(())
    grads = [kept / tokens for kept in sums]
    norm = torch.cat([g.flatten() for g in grads]).norm()
    factor = min(1.0, max_norm / norm.item()) if norm > 0 else 1.0
    for p, g in zip(parameters, grads):
        p.grad = g * factor
    optimizer.step()
    optimizer.zero_grad()
    return total / tokens, norm
