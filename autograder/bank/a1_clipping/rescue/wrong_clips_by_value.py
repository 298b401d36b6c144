"""You pass clip_grad_value: it cuts elements at 1.0, which at this learning rate does not stop the explosion."""

from stabilitylab import train


def rescue(config):
    return train(config.replace(clip_norm=1.0), clip=clip_grad_value)
