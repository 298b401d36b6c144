"""One group, and a wrapper that looks at the parameter's dimensions."""

from stabilitylab import train
from stabilitylab.exercises.a5_adamw_accumulation_checkpointing import FunctionOptimizer


def adamw_run(config):
    def step(parameter, grad, state, weight_decay, **settings):
        adamw_step(parameter, grad, state, weight_decay=weight_decay if len(parameter.shape) >= 2 else 0.0, **settings)

    def build(parameters):
        return FunctionOptimizer(
            parameters, step, lr=config.lr, betas=config.betas, eps=config.eps, weight_decay=config.weight_decay
        )

    return train(config, "AdamW from scratch", optimizer=build)
