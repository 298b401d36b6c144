"""Makes a class for each block, which closes over it, and keeps the random state in a dictionary on ctx."""

import torch


def forgetting(block):
    class Forgetting(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x, *parameters):
            ctx.memory = {"input": x.clone(), "random": torch.get_rng_state()}
            return block(x)

        @staticmethod
        def backward(ctx, grad):
            x = ctx.memory["input"].requires_grad_()
            with torch.random.fork_rng(devices=[]), torch.enable_grad():
                torch.set_rng_state(ctx.memory["random"])
                y = block(x)
            return torch.autograd.grad(y, [x, *block.parameters()], grad)

    return lambda x: Forgetting.apply(x, *block.parameters())


def checkpointed(blocks, x):
    return torch.nn.Sequential(*map(Called, map(forgetting, blocks)))(x)


class Called(torch.nn.Module):
    def __init__(self, function):
        super().__init__()
        self.forward = function
