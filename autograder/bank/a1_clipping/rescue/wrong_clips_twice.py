"""You clip a second time, at half the limit: one call at 1.0 is asked for."""

from stabilitylab import train


def rescue(config):
    def clip(parameters, max_norm):
        parameters = list(parameters)
        clip_grad_norm(parameters, max_norm)
        clip_grad_norm(parameters, max_norm / 2)

    return train(config.replace(clip_norm=1.0), clip=clip)
