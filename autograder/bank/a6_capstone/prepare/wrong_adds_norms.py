"""You put norms into the model: a good idea before the project began, but the model is not yours to change now."""


def prepare(config):
    return config.replace(lr=5e-3, loss_scale=1024.0, model__norm="pre")
