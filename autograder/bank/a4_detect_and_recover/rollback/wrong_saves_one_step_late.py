"""Your checkpoints are one step off: with every=5 they are due after steps 4, 9, 14, that is when (step + 1) % every is 0."""


def train_with_rollback(trainer, is_bad, every, lr_factor):
    scheduled = trainer.schedule
    rollbacks = 0
    trainer.schedule = lambda step: scheduled(step) * lr_factor**rollbacks
    checkpoint, records = trainer.state(), []
    for record in trainer.steps():
        records.append(record)
        if is_bad(record):
            trainer.restore(checkpoint)
            rollbacks += 1
        elif record.step % every == 0:
            checkpoint = trainer.state()
    return records
