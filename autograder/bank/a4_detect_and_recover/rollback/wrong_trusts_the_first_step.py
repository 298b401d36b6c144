"""You never ask about the first step: it may be bad like any other."""


def train_with_rollback(trainer, is_bad, every, lr_factor):
    scheduled, rollbacks = trainer.schedule, 0
    trainer.schedule = lambda step: scheduled(step) * lr_factor**rollbacks
    checkpoint, records = trainer.state(), []
    for record in trainer.steps():
        records.append(record)
        if record.step > 0 and is_bad(record):
            trainer.restore(checkpoint)
            rollbacks += 1
        elif (record.step + 1) % every == 0:
            checkpoint = trainer.state()
    return records
