"""Your function returns its input: run x through the blocks."""


def checkpointed(blocks, x):
    return x
