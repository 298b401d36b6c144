"""With decimals."""

from decimal import Decimal


def warmup_inverse_sqrt(step, *, base_lr, warmup_steps):
    if step < warmup_steps:
        return Decimal(base_lr) * step / warmup_steps
    return Decimal(base_lr) * (Decimal(warmup_steps) / step).sqrt()
