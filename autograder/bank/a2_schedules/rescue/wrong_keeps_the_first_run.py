"""You keep the run of the first config and return it for every other one: train the config that you are given."""

from stabilitylab import train

KEPT = []


def rescue(config):
    def schedule(step):
        return warmup_cosine(
            step, base_lr=config.lr, warmup_steps=config.steps // 2, total_steps=config.steps, min_lr=config.lr / 10
        )

    if not KEPT:
        KEPT.append(train(config, schedule=schedule))
    return KEPT[0]
