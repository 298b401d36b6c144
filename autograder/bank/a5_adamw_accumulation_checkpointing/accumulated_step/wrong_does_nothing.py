"""Your function does nothing yet: go through the micro-batches, then divide, clip and step once."""


def accumulated_step(loss_sum, micro_batches, parameters, optimizer, max_norm):
    pass
