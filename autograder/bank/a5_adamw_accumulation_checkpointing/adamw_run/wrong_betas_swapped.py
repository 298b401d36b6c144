"""You pass betas in the wrong order: they are config.betas as it stands."""

from stabilitylab import train
from stabilitylab.exercises.a5_adamw_accumulation_checkpointing import FunctionOptimizer


def adamw_run(config):
    def optimizer(parameters):
        groups = [
            {"params": [p for _, p in parameters if p.dim() >= 2], "weight_decay": config.weight_decay},
            {"params": [p for _, p in parameters if p.dim() < 2], "weight_decay": 0.0},
        ]
        return FunctionOptimizer(groups, adamw_step, lr=config.lr, betas=config.betas[::-1], eps=config.eps)

    return train(config, optimizer=optimizer)
