"""With torch, in single precision, returned as a tensor."""

import torch


def warmup_cosine(step, *, base_lr, warmup_steps, total_steps, min_lr=0.0):
    if step < warmup_steps:
        return torch.tensor(base_lr) * step / warmup_steps
    progress = torch.tensor((step - warmup_steps) / (total_steps - warmup_steps)).clamp(0, 1)
    return min_lr + (base_lr - min_lr) * (1 + torch.cos(torch.pi * progress)) / 2
