"""You clear the weights along with their gradients: only the gradients begin at zero."""

import torch


def accumulated_step(loss_sum, micro_batches, parameters, optimizer, max_norm):
    parameters = list(parameters)
    optimizer.zero_grad()
    for p in parameters:
        p.data.zero_()
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
    return total / tokens, norm.item()
