"""You multiply the rate by 1 - lr_factor: multiply it by lr_factor."""


def train_with_rollback(trainer, is_bad, every, lr_factor):
    scheduled, rollbacks = trainer.schedule, 0
    trainer.schedule = lambda step: scheduled(step) * (1 - lr_factor) ** rollbacks
    checkpoint, records = trainer.state(), []
    for record in trainer.steps():
        records.append(record)
        if is_bad(record):
            trainer.restore(checkpoint)
            rollbacks += 1
        elif (record.step + 1) % every == 0:
            checkpoint = trainer.state()
    return records
