"""You run the config as it is: give train your schedule, schedule=..., a function of the step."""

from stabilitylab import train


def rescue(config):
    settings = {"warmup_steps": config.steps // 2, "total_steps": config.steps, "min_lr": config.lr / 10}
    return train(config, schedule=warmup_cosine(0, base_lr=config.lr, **settings))
