"""You let the run go on after a NaN: on_nonfinite is not yours to change, and nothing is learned from NaN."""


def prepare(config):
    return config.replace(lr=5e-3, loss_scale=1024.0, on_nonfinite="continue")
