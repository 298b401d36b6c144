"""The corrections are fractions; the averages are the state's own tensors, replaced at every step."""

from fractions import Fraction

import torch


def adamw_step(parameter, grad, state, *, lr, betas=(0.9, 0.999), eps=1e-8, weight_decay=0.01):
    with torch.inference_mode(False), torch.no_grad():
        step = Fraction(state.get("step", 0)) + 1
        old = [state.get(name, torch.zeros_like(grad)) for name in ("exp_avg", "exp_avg_sq")]
        new = [b * m + (1 - b) * g for b, m, g in zip(betas, old, (grad, grad.square()))]
        first, second = (m / float(1 - Fraction(b) ** step) for b, m in zip(betas, new))
        state.update(step=step, exp_avg=new[0], exp_avg_sq=new[1])
        parameter.copy_(parameter - lr * weight_decay * parameter - lr * first / (second**0.5 + eps))
