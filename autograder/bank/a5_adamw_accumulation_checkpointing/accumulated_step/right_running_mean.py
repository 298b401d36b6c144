"""Keeps a running mean over tokens: what is there is scaled down as more tokens come."""

import torch


def accumulated_step(loss_sum, micro_batches, parameters, optimizer, max_norm):
    parameters = [p for p in parameters]
    for p in parameters:
        p.grad = None
    seen, mean = 0, 0.0
    for micro_batch in micro_batches:
        loss, count = loss_sum(micro_batch)
        if count < 1:
            continue
        for p in parameters:
            if p.grad is not None:
                p.grad.mul_(seen / (seen + count))
        (loss / (seen + count)).backward()
        mean = (mean * seen + float(loss)) / (seen + count)
        seen += count
    if seen == 0:
        return [0.0, 0.0]
    norm = torch.nn.utils.clip_grad_norm_(parameters, max_norm=max_norm)
    optimizer.step()
    return [mean, float(norm)]
