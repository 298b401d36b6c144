"""Without a function of its own: hooks throw away what autograd saves, and bring it back by running the block again."""

import torch
from torch.autograd.graph import saved_tensors_hooks


def one(block, x):
    state, kept = torch.get_rng_state(), x.detach().requires_grad_(x.requires_grad)
    count, again = [0], []

    def pack(tensor):
        count[0] += 1
        return count[0] - 1

    def unpack(number):
        if not again:
            with torch.random.fork_rng(devices=[]), torch.enable_grad():
                torch.set_rng_state(state)
                with saved_tensors_hooks(lambda tensor: again.append(tensor.detach()), lambda nothing: nothing):
                    block(kept)
        return again[number]

    with saved_tensors_hooks(pack, unpack):
        return block(x)


def checkpointed(blocks, x):
    for block in blocks:
        x = one(block, x)
    return x
