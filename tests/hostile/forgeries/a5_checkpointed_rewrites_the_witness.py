"""checkpointed: a plain loop that throws the weak references to its activations away. At most 0 of 8."""


def checkpointed(blocks, x):
    for block in blocks:
        x = block(x)
        getattr(block, "hidden", []).clear()
    return x
