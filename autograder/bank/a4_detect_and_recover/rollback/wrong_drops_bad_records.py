"""You leave the bad steps out of the list: they were paid for, and whoever reads the log must see them."""


def train_with_rollback(trainer, is_bad, every, lr_factor):
    scheduled = trainer.schedule
    rollbacks = 0
    trainer.schedule = lambda step: scheduled(step) * lr_factor**rollbacks
    checkpoint, records = trainer.state(), []
    for record in trainer.steps():
        if is_bad(record):
            trainer.restore(checkpoint)
            rollbacks += 1
            continue
        records.append(record)
        if (record.step + 1) % every == 0:
            checkpoint = trainer.state()
    return records
