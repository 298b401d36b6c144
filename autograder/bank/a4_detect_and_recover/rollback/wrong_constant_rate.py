"""You fix the rate at the bad step's times lr_factor: it is the schedule that is multiplied, and a warmup still has to rise."""


def train_with_rollback(trainer, is_bad, every, lr_factor):
    checkpoint, records = trainer.state(), []
    for record in trainer.steps():
        records.append(record)
        if is_bad(record):
            trainer.restore(checkpoint)
            lr = record.lr * lr_factor
            trainer.schedule = lambda step, lr=lr: lr
        elif (record.step + 1) % every == 0:
            checkpoint = trainer.state()
    return records
