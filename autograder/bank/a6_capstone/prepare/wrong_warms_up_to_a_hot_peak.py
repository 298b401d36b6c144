"""You add a warmup and keep the peak: it reaches 5e-2 all the same, only later."""


def prepare(config):
    return config.replace(warmup_steps=10, loss_scale=1024.0)
