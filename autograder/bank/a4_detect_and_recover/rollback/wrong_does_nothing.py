"""train_with_rollback returns nothing: it must train, and return the list of records."""


def train_with_rollback(trainer, is_bad, every, lr_factor):
    pass
