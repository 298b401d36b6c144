"""Your step uses config.lr at every step: use the lr that it is given, which follows the schedule."""

from stabilitylab import train
from stabilitylab.exercises.a5_adamw_accumulation_checkpointing import FunctionOptimizer


def adamw_run(config):
    def optimizer(parameters):
        groups = [
            {"params": [p for _, p in parameters if p.dim() >= 2], "weight_decay": config.weight_decay},
            {"params": [p for _, p in parameters if p.dim() < 2], "weight_decay": 0.0},
        ]
        return FunctionOptimizer(
            groups,
            lambda p, g, s, lr, **rest: adamw_step(p, g, s, lr=config.lr, **rest),
            lr=config.lr,
            betas=config.betas,
            eps=config.eps,
        )

    return train(config, optimizer=optimizer)
