"""You return nothing: config.replace does not change the config but makes a new one, which you must return."""


def prepare(config):
    config.replace(lr=5e-3, loss_scale=1024.0)
