"""Your norm is that of the largest tensor: the global norm takes the squares of all of them together."""


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
    norm = max(p.grad.norm() for p in parameters if p.grad is not None)
    for p in parameters:
        if p.grad is not None and norm > max_norm:
            p.grad.mul_(max_norm / norm)
    optimizer.step()
    return total / tokens, norm.item()
