"""You take the checkpoint before you ask is_bad, and so save weights that have seen the bad batch."""


def train_with_rollback(trainer, is_bad, every, lr_factor):
    scheduled = trainer.schedule
    rollbacks = 0
    trainer.schedule = lambda step: scheduled(step) * lr_factor**rollbacks
    checkpoint, records = trainer.state(), []
    for record in trainer.steps():
        records.append(record)
        if (record.step + 1) % every == 0:
            checkpoint = trainer.state()
        if is_bad(record):
            trainer.restore(checkpoint)
            rollbacks += 1
    return records
