"""Your list of gradients is a default argument, which is made once and grows from call to call: the norm then counts the
gradients of earlier calls too. Make the list inside the function."""


def clip_grad_norm(parameters, max_norm, grads=[]):  # noqa: B006
    for p in parameters:
        if p.grad is not None:
            grads.append(p.grad)
    total = sum(float((g**2).sum()) for g in grads) ** 0.5
    if total > max_norm:
        for g in grads:
            g.mul_(max_norm / total)
    return total
