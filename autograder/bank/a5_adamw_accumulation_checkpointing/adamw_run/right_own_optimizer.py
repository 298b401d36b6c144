"""With an optimizer class of its own, and a Trainer instead of train."""

import torch

from stabilitylab import Trainer


class Mine(torch.optim.Optimizer):
    def step(self, closure=None):
        with torch.no_grad():
            for group in self.param_groups:
                for p in group["params"]:
                    if p.grad is None:
                        continue
                    decay = group["weight_decay"] if p.ndim > 1 else 0
                    adamw_step(
                        p, p.grad, self.state[p], lr=group["lr"], betas=group["betas"], eps=group["eps"], weight_decay=decay
                    )


def adamw_run(config):
    settings = dict(lr=config.lr, betas=config.betas, eps=config.eps, weight_decay=config.weight_decay)
    trainer = Trainer(config, optimizer=lambda parameters: Mine(parameters, settings))
    return trainer.result(list(trainer.steps()), label="mine")
