"""With torch."""

import torch


def warmup_inverse_sqrt(step, *, base_lr, warmup_steps):
    step = torch.tensor(float(step))
    if step < warmup_steps:
        return base_lr * step / warmup_steps
    return base_lr * torch.rsqrt(step / warmup_steps)
