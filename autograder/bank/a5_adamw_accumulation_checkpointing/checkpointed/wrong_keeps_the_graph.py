"""No block runs again in the backward pass, so everything is still kept: keep each block's input alone, and run the block
again."""

import torch


class Recompute(torch.autograd.Function):
    @staticmethod
    def forward(ctx, block, x, *parameters):
        ctx.block, ctx.parameters = block, parameters
        ctx.random_state = torch.get_rng_state()
        ctx.save_for_backward(x)
        with torch.enable_grad():
            ctx.x = x.detach().requires_grad_()
            ctx.y = block(ctx.x)
        return ctx.y.detach()

    @staticmethod
    def backward(ctx, grad_output):
        x, y = ctx.x, ctx.y
        return None, *torch.autograd.grad(y, (x, *ctx.parameters), grad_output)


def checkpointed(blocks, x):
    for block in blocks:
        x = Recompute.apply(block, x, *block.parameters())
    return x
