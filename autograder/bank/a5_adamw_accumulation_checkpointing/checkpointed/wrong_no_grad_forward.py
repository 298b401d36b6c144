"""You run the blocks under no_grad and stop there: the result has no graph, and backward has nowhere to go. A function with a
backward of its own makes the link."""

import torch


def checkpointed(blocks, x):
    with torch.no_grad():
        for block in blocks:
            x = block(x)
    return x.requires_grad_()
