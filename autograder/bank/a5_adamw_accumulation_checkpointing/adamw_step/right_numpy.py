"""In numpy and double precision, copied back."""

import numpy as np
import torch


def adamw_step(parameter, grad, state, *, lr, betas=(0.9, 0.999), eps=1e-8, weight_decay=0.01):
    g = grad.detach().numpy().astype(np.float64)
    p = parameter.detach().numpy().astype(np.float64)
    step = state.get("step", 0) + 1
    m, v = (state[name].numpy() if name in state else np.zeros_like(g) for name in ("exp_avg", "exp_avg_sq"))
    m = betas[0] * m + (1 - betas[0]) * g
    v = betas[1] * v + (1 - betas[1]) * g * g
    state.update(step=step, exp_avg=torch.from_numpy(m), exp_avg_sq=torch.from_numpy(v))
    p = p - lr * weight_decay * p
    p = p - lr * (m / (1 - betas[0] ** step)) / (np.sqrt(v / (1 - betas[1] ** step)) + eps)
    print("step", step)
    with torch.no_grad():
        parameter.copy_(torch.from_numpy(p))
