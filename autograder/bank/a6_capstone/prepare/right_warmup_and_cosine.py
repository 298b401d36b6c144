"""A higher peak, reached by warmup and left by cosine decay."""


def prepare(config):
    return config.replace(lr=1e-2, warmup_steps=5, decay="cosine", clip_norm=1, loss_scale=128)
