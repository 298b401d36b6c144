"""You divide the gradients inside the loop, so that the first micro-batch is divided again with every later one: divide once,
after the loop."""

import torch


def accumulated_step(loss_sum, micro_batches, parameters, optimizer, max_norm):
    parameters = list(parameters)
    optimizer.zero_grad()
    total, tokens = 0.0, 0
    for micro_batch in micro_batches:
        loss, count = loss_sum(micro_batch)
        loss.backward()
        total += loss.item()
        tokens += count
        for p in parameters:
            if p.grad is not None and tokens:
                p.grad /= tokens
    if tokens == 0:
        return 0.0, 0.0
    norm = torch.nn.utils.clip_grad_norm_(parameters, max_norm)
    optimizer.step()
    return total / tokens, norm
