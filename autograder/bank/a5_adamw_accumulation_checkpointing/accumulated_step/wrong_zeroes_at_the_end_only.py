"""You clear the gradients only after the step: those that are there when the first call begins take part in it."""

import torch


def accumulated_step(loss_sum, micro_batches, parameters, optimizer, max_norm):
    parameters = list(parameters)
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
    norm = torch.nn.utils.clip_grad_norm_(parameters, max_norm)
    optimizer.step()
    optimizer.zero_grad()
    return total / tokens, norm.item()
