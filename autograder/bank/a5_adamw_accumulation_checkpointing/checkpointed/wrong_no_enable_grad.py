"""Inside backward autograd does not record: if the error is that a tensor does not require grad, run the block again under
torch.enable_grad()."""

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
        y = ctx.block(x)
        torch.set_rng_state(now)
        return None, *torch.autograd.grad(y, (x, *ctx.parameters), grad_output)


def checkpointed(blocks, x):
    for block in blocks:
        x = Recompute.apply(block, x, *block.parameters())
    return x
