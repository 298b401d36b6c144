"""You divide the rate by 100, whatever it is: on a run whose rate was sane that is a crawl. Choose the rate itself."""


def prepare(config):
    return config.replace(lr=config.lr / 100, loss_scale=1024.0)
