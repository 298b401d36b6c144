"""You count tokens and losses in a default argument, which is made once and kept: the second call begins with those of the
first."""

import torch


def accumulated_step(loss_sum, micro_batches, parameters, optimizer, max_norm, sums=[0.0, 0]):  # noqa: B006
    parameters = list(parameters)
    optimizer.zero_grad()
    for micro_batch in micro_batches:
        loss, count = loss_sum(micro_batch)
        if count:
            loss.backward()
            sums[0] += loss.item()
            sums[1] += count
    total, tokens = sums
    if not tokens:
        return 0.0, 0.0
    for p in parameters:
        if p.grad is not None:
            p.grad.div_(tokens)
    norm = torch.nn.utils.clip_grad_norm_(parameters, max_norm)
    optimizer.step()
    return total / tokens, norm.item()
