"""Reference answers of a5_adamw_accumulation_checkpointing."""

import torch

from stabilitylab import train
from stabilitylab.exercises.a5_adamw_accumulation_checkpointing import FunctionOptimizer


@torch.no_grad()
def adamw_step(parameter, grad, state, *, lr, betas=(0.9, 0.999), eps=1e-8, weight_decay=0.01):
    if not state:
        state.update(step=0, exp_avg=torch.zeros_like(parameter), exp_avg_sq=torch.zeros_like(parameter))
    state["step"] += 1
    state["exp_avg"].mul_(betas[0]).add_(grad, alpha=1 - betas[0])
    state["exp_avg_sq"].mul_(betas[1]).addcmul_(grad, grad, value=1 - betas[1])
    first = state["exp_avg"] / (1 - betas[0] ** state["step"])
    second = state["exp_avg_sq"] / (1 - betas[1] ** state["step"])
    parameter.mul_(1 - lr * weight_decay)
    parameter.sub_(lr * first / (second.sqrt() + eps))


def accumulated_step(loss_sum, micro_batches, parameters, optimizer, max_norm):
    parameters = list(parameters)
    optimizer.zero_grad()
    total, tokens = 0.0, 0
    for micro_batch in micro_batches:
        loss, count = loss_sum(micro_batch)
        if count:
            loss.backward()
            total += loss.item()
            tokens += count
    if not tokens:
        return 0.0, 0.0
    for p in parameters:
        if p.grad is not None:
            p.grad.div_(tokens)
    norm = torch.nn.utils.clip_grad_norm_(parameters, max_norm)
    optimizer.step()
    return total / tokens, norm.item()


class _Recomputed(torch.autograd.Function):
    @staticmethod
    def forward(ctx, block, x, *parameters):
        ctx.block, ctx.random_state = block, torch.get_rng_state()
        ctx.save_for_backward(x, *parameters)
        return block(x)

    @staticmethod
    def backward(ctx, grad_output):
        x, *parameters = ctx.saved_tensors
        x = x.detach().requires_grad_()
        with torch.enable_grad(), torch.random.fork_rng(devices=[]):
            torch.set_rng_state(ctx.random_state)
            y = ctx.block(x)
        return (None, *torch.autograd.grad(y, (x, *parameters), grad_output))


def checkpointed(blocks, x):
    for block in blocks:
        x = _Recomputed.apply(block, x, *block.parameters())
    return x


def adamw_run(config):
    def optimizer(parameters):
        groups = [
            {"params": [p for _, p in parameters if p.dim() >= 2], "weight_decay": config.weight_decay},
            {"params": [p for _, p in parameters if p.dim() < 2], "weight_decay": 0.0},
        ]
        return FunctionOptimizer(groups, adamw_step, lr=config.lr, betas=config.betas, eps=config.eps)

    return train(config, optimizer=optimizer)
