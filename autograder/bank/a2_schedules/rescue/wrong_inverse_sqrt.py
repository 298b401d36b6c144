"""You pass warmup_inverse_sqrt: the decay asked for is the cosine."""

from stabilitylab import train


def rescue(config):
    return train(config, schedule=lambda step: warmup_inverse_sqrt(step, base_lr=config.lr, warmup_steps=config.steps // 2))
