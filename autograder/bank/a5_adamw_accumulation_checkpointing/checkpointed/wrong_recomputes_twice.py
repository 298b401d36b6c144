"""You run each block twice in the backward pass: one run serves the gradients of x and of the parameters."""

import torch


class Recompute(torch.autograd.Function):
    @staticmethod
    def forward(ctx, block, x, *parameters):
        ctx.block, ctx.parameters = block, parameters
        ctx.random_state = torch.get_rng_state()
        ctx.save_for_backward(x)
        return block(x)

    @staticmethod
    def backward(ctx, grad_output):
        x = ctx.saved_tensors[0].detach().requires_grad_()
        now = torch.get_rng_state()
        torch.set_rng_state(ctx.random_state)
        with torch.enable_grad():
            y = ctx.block(x)
        torch.set_rng_state(now)
        (grad_x,) = torch.autograd.grad(y, (x,), grad_output)
        torch.set_rng_state(ctx.random_state)
        with torch.enable_grad():
            y = ctx.block(x)
        torch.set_rng_state(now)
        return None, grad_x, *torch.autograd.grad(y, ctx.parameters, grad_output)


def checkpointed(blocks, x):
    for block in blocks:
        x = Recompute.apply(block, x, *block.parameters())
    return x
