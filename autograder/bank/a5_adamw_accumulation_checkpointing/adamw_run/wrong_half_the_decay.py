"""You decay by half of config.weight_decay: pass it on as it stands."""

from stabilitylab import train
from stabilitylab.exercises.a5_adamw_accumulation_checkpointing import FunctionOptimizer


def adamw_run(config):
    def optimizer(parameters):
        groups = [
            {"params": [p for _, p in parameters if p.dim() >= 2], "weight_decay": config.weight_decay / 2},
            {"params": [p for _, p in parameters if p.dim() < 2], "weight_decay": 0.0},
        ]
        return FunctionOptimizer(groups, adamw_step, lr=config.lr, betas=config.betas, eps=config.eps)

    return train(config, optimizer=optimizer)
