"""You ask is_bad and lower the rate, but never restore the checkpoint: the bad update stays in the weights."""


def train_with_rollback(trainer, is_bad, every, lr_factor):
    scheduled = trainer.schedule
    rollbacks = 0
    trainer.schedule = lambda step: scheduled(step) * lr_factor**rollbacks
    records = []
    for record in trainer.steps():
        records.append(record)
        if is_bad(record):
            rollbacks += 1
    return records
