"""You go backward inside, which adds to .grad of the parameters, and return their gradients too, which adds them again."""

import torch


class Recomputed(torch.autograd.Function):
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
        found = torch.autograd.grad(y, (x, *parameters), grad_output, retain_graph=True)
        y.backward(grad_output)
        return (None, *found)


def checkpointed(blocks, x):
    for block in blocks:
        x = Recomputed.apply(block, x, *block.parameters())
    return x
