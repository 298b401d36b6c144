"""Your warmup is longer than the run: the rate never gets near its peak. Let it end within a few steps."""


def prepare(config):
    return config.replace(lr=5e-3, warmup_steps=2000, loss_scale=1024.0)
