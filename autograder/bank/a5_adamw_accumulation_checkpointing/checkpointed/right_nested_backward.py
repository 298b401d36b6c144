"""Runs the backward of the recomputed block inside, with one input that always requires a gradient."""

import torch


class Block(torch.autograd.Function):
    @staticmethod
    def forward(ctx, block, x, always):
        ctx.block, ctx.x, ctx.needed = block, x.detach(), x.requires_grad
        ctx.state = torch.random.get_rng_state()
        with torch.no_grad():
            return block(x)

    @staticmethod
    def backward(ctx, grad):
        x = ctx.x.clone().requires_grad_(True)
        with torch.random.fork_rng(devices=[]):
            torch.random.set_rng_state(ctx.state)
            with torch.enable_grad():
                y = ctx.block(x)
        torch.autograd.backward(y, grad)
        return None, x.grad, None


def checkpointed(blocks, x):
    always = torch.zeros(1, requires_grad=True)
    for block in blocks:
        x = Block.apply(block, x, always)
    return x
