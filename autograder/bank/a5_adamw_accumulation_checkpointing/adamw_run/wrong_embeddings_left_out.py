"""You leave the embeddings without decay: they are tensors with two dimensions, and decay like the other matrices."""

from stabilitylab import train
from stabilitylab.exercises.a5_adamw_accumulation_checkpointing import FunctionOptimizer


def adamw_run(config):
    def optimizer(parameters):
        groups = [
            {"params": [p for n, p in parameters if p.dim() >= 2 and "emb" not in n], "weight_decay": config.weight_decay},
            {"params": [p for n, p in parameters if p.dim() < 2 or "emb" in n], "weight_decay": 0.0},
        ]
        return FunctionOptimizer(groups, adamw_step, lr=config.lr, betas=config.betas, eps=config.eps)

    return train(config, optimizer=optimizer)
