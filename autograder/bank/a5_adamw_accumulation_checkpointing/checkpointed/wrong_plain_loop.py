"""No block runs again in the backward pass, so everything is still kept: keep each block's input alone, and run the block
again."""


def checkpointed(blocks, x):
    for block in blocks:
        x = block(x)
    return x
