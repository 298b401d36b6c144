"""You keep the moments outside the run: the next run begins with those of the last one. Each optimizer has its own."""

from itertools import count

from stabilitylab import train
from stabilitylab.exercises.a5_adamw_accumulation_checkpointing import FunctionOptimizer

STATES = {}


def adamw_run(config):
    numbers = count()

    def kept(parameter, grad, state, **settings):
        state.setdefault("number", next(numbers))
        adamw_step(parameter, grad, STATES.setdefault(state["number"], {}), **settings)

    def optimizer(parameters):
        groups = [
            {"params": [p for _, p in parameters if p.dim() >= 2], "weight_decay": config.weight_decay},
            {"params": [p for _, p in parameters if p.dim() < 2], "weight_decay": 0.0},
        ]
        return FunctionOptimizer(groups, kept, lr=config.lr, betas=config.betas, eps=config.eps)

    return train(config, optimizer=optimizer)
