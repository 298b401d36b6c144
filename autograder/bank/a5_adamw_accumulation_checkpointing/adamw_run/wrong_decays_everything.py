"""You decay every tensor: those with one dimension, biases and norm gains, get weight_decay 0."""

from stabilitylab import train
from stabilitylab.exercises.a5_adamw_accumulation_checkpointing import FunctionOptimizer


def adamw_run(config):
    def optimizer(parameters):
        groups = [
            {"params": [p for _, p in parameters if p.dim() >= 2], "weight_decay": config.weight_decay},
            {"params": [p for _, p in parameters if p.dim() < 2], "weight_decay": config.weight_decay},
        ]
        return FunctionOptimizer(groups, adamw_step, lr=config.lr, betas=config.betas, eps=config.eps)

    return train(config, optimizer=optimizer)
