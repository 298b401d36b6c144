"""With a Trainer, and the rates worked out beforehand."""

from stabilitylab import Trainer


def rescue(config):
    rates = [
        warmup_cosine(s, base_lr=config.lr, warmup_steps=config.steps // 2, total_steps=config.steps, min_lr=0.1 * config.lr)
        for s in range(config.steps)
    ]
    trainer = Trainer(config, schedule=rates.__getitem__)
    return trainer.result(list(trainer.steps()))
