"""You lower the rate of the step after a rollback alone: all later steps have the lowered rate."""


def train_with_rollback(trainer, is_bad, every, lr_factor):
    scheduled, rollbacks, last = trainer.schedule, 0, -2
    trainer.schedule = lambda step: scheduled(step) * (lr_factor**rollbacks if step == last + 1 else 1)
    checkpoint, records = trainer.state(), []
    for record in trainer.steps():
        records.append(record)
        if is_bad(record):
            trainer.restore(checkpoint)
            rollbacks += 1
            last = record.step
        elif (record.step + 1) % every == 0:
            checkpoint = trainer.state()
    return records
