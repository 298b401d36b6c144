"""You make the batches larger: batch_size is not yours to change. The rate and the loss scale are."""


def prepare(config):
    return config.replace(lr=5e-3, loss_scale=1024.0, batch_size=2 * config.batch_size)
