"""You add a warmup: it saves the run too, but clipping alone is what is on trial."""

from stabilitylab import train


def rescue(config):
    return train(config.replace(clip_norm=1.0, warmup_steps=2), clip=clip_grad_norm)
