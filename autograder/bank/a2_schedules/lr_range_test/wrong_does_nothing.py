"""Your function does nothing yet: smooth the losses, find the trouble, and return the dictionary of rates."""


def lr_range_test(losses, lrs):
    pass
