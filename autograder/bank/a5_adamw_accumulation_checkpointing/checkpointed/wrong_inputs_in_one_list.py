"""You keep the inputs of all blocks in one list and take the last one out: with two passes under way it is the wrong one. Keep
each on its ctx."""

import torch

INPUTS = []


class Recomputed(torch.autograd.Function):
    @staticmethod
    def forward(ctx, block, x, *parameters):
        ctx.block, ctx.random_state = block, torch.get_rng_state()
        ctx.save_for_backward(*parameters)
        INPUTS.append(x)
        return block(x)

    @staticmethod
    def backward(ctx, grad_output):
        parameters = ctx.saved_tensors
        x = INPUTS.pop().detach().requires_grad_()
        with torch.enable_grad(), torch.random.fork_rng(devices=[]):
            torch.set_rng_state(ctx.random_state)
            y = ctx.block(x)
        return (None, *torch.autograd.grad(y, (x, *parameters), grad_output))


def checkpointed(blocks, x):
    for block in blocks:
        x = Recomputed.apply(block, x, *block.parameters())
    return x
