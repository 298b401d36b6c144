"""At a second rollback you take lr_factor times the scheduled rate again: every rollback multiplies the rate that the one before
it left."""


def train_with_rollback(trainer, is_bad, every, lr_factor):
    scheduled = trainer.schedule
    rollbacks = 0
    trainer.schedule = lambda step: scheduled(step) * lr_factor**rollbacks
    checkpoint, records = trainer.state(), []
    for record in trainer.steps():
        records.append(record)
        if is_bad(record):
            trainer.restore(checkpoint)
            rollbacks = 1
        elif (record.step + 1) % every == 0:
            checkpoint = trainer.state()
    return records
