"""You average the means of the micro-batches: a token in a short one then weighs more than a token in a long one. Add up the
sums, and divide once by all tokens."""

import torch


def accumulated_step(loss_sum, micro_batches, parameters, optimizer, max_norm):
    parameters, micro_batches = list(parameters), list(micro_batches)
    optimizer.zero_grad()
    total, tokens = 0.0, 0
    for micro_batch in micro_batches:
        loss, count = loss_sum(micro_batch)
        if count:
            (loss / count / len(micro_batches)).backward()
        total += loss.item()
        tokens += count
    if tokens == 0:
        return 0.0, 0.0
    norm = torch.nn.utils.clip_grad_norm_(parameters, max_norm)
    optimizer.step()
    return total / tokens, norm
