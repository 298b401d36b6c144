"""You train with a seed of your own: the config stays as it is."""

from stabilitylab import train
from stabilitylab.exercises.a5_adamw_accumulation_checkpointing import FunctionOptimizer


def adamw_run(config):
    def optimizer(parameters):
        groups = [
            {"params": [p for _, p in parameters if p.dim() >= 2], "weight_decay": config.weight_decay},
            {"params": [p for _, p in parameters if p.dim() < 2], "weight_decay": 0.0},
        ]
        return FunctionOptimizer(groups, adamw_step, lr=config.lr, betas=config.betas, eps=config.eps)

    return train(config.replace(seed=1), optimizer=optimizer)
