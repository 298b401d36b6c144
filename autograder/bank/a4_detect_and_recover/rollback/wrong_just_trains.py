"""You train and never ask is_bad: every record must be shown to it, and a bad one undone."""


def train_with_rollback(trainer, is_bad, every, lr_factor):
    return list(trainer.steps())
