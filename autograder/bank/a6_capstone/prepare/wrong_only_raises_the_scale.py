"""You raise a low loss scale to 1024 and never lower one: at 2^24 the first gradient overflows."""


def prepare(config):
    return config.replace(lr=5e-3, loss_scale=max(config.loss_scale, 1024.0))
