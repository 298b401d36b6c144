"""You do not clip: call the clip function with max_norm between unscale_ and the step."""


def train_step(loss, parameters, optimizer, scaler, max_norm):
    parameters = list(parameters)
    optimizer.zero_grad()
    scaler.scale(loss).backward()
    found_inf = scaler.unscale_(parameters)
    if not found_inf:
        optimizer.step()
    scaler.update(found_inf)
    return not found_inf
