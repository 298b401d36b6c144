"""With fractions where they are exact; the line comes back as one."""

import math
from fractions import Fraction


def warmup_cosine(step, *, base_lr, warmup_steps, total_steps, min_lr=0.0):
    if step < warmup_steps:
        return Fraction(base_lr) * Fraction(step, warmup_steps)
    progress = min(Fraction(1), Fraction(step - warmup_steps, total_steps - warmup_steps))
    return Fraction(min_lr) + (Fraction(base_lr) - Fraction(min_lr)) * Fraction((1 + math.cos(math.pi * progress)) / 2)
