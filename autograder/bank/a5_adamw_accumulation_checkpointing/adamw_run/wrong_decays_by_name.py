"""You let everything decay that is called a weight: go by the number of dimensions, since the gain of a norm is a vector."""

from stabilitylab import train
from stabilitylab.exercises.a5_adamw_accumulation_checkpointing import FunctionOptimizer


def adamw_run(config):
    def optimizer(parameters):
        groups = [
            {"params": [p for n, p in parameters if not n.endswith("bias")], "weight_decay": config.weight_decay},
            {"params": [p for n, p in parameters if n.endswith("bias")], "weight_decay": 0.0},
        ]
        return FunctionOptimizer(groups, adamw_step, lr=config.lr, betas=config.betas, eps=config.eps)

    return train(config, optimizer=optimizer)
