"""You train STUCK whatever config is given: use the argument."""

from stabilitylab import train
from stabilitylab.exercises.a2_schedules import STUCK


def rescue(config):
    def schedule(step):
        return warmup_cosine(step, base_lr=1e-2, warmup_steps=5, total_steps=10, min_lr=1e-3)

    return train(STUCK.replace(steps=10), schedule=schedule)
