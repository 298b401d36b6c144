"""Looks at each setting and mends it only if it is out of bounds."""


def prepare(config):
    changes = {}
    if config.lr > 1e-2:
        changes["lr"] = config.lr / 10
    if not 1 <= config.loss_scale <= 2**16:
        changes["loss_scale"] = 2048.0
    print("changing", changes)
    return config.replace(**changes)
