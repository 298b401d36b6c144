"""You take the parameters out of the list that you were given: it belongs to the caller. Make a list of your own."""


def train_step(loss, parameters, optimizer, scaler, max_norm):
    parameters = parameters if isinstance(parameters, list) else list(parameters)
    optimizer.zero_grad()
    scaler.scale(loss).backward()
    found_inf = scaler.unscale_(parameters)
    grads = []
    while parameters:
        grads.append(parameters.pop().grad)
    norm = sum(float((g**2).sum()) for g in grads) ** 0.5
    if norm > max_norm:
        for g in grads:
            g.mul_(max_norm / norm)
    if not found_inf:
        optimizer.step()
    scaler.update(found_inf)
    return not found_inf
