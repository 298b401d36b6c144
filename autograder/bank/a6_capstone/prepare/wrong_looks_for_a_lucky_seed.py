"""You change the seed: a rescue that needs another seed has not found the cause."""


def prepare(config):
    return config.replace(lr=5e-3, loss_scale=1024.0, seed=42)
