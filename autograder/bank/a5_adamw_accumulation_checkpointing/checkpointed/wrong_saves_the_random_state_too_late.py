"""You save the random state after the block has run: save it before."""

import torch


class Recompute(torch.autograd.Function):
    @staticmethod
    def forward(ctx, block, x, *parameters):
        ctx.block, ctx.parameters = block, parameters
        ctx.save_for_backward(x)
        y = block(x)
        ctx.random_state = torch.get_rng_state()
        return y

    @staticmethod
    def backward(ctx, grad_output):
        x = ctx.saved_tensors[0].detach().requires_grad_()
        now = torch.get_rng_state()
        torch.set_rng_state(ctx.random_state)
        with torch.enable_grad():
            y = ctx.block(x)
        torch.set_rng_state(now)
        return None, *torch.autograd.grad(y, (x, *ctx.parameters), grad_output)


def checkpointed(blocks, x):
    for block in blocks:
        x = Recompute.apply(block, x, *block.parameters())
    return x
