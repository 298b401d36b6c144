"""You count good steps since the last checkpoint: checkpoints are due by the step's number, (step + 1) % every == 0, whatever was
skipped."""


def train_with_rollback(trainer, is_bad, every, lr_factor):
    scheduled = trainer.schedule
    rollbacks = good = 0
    trainer.schedule = lambda step: scheduled(step) * lr_factor**rollbacks
    checkpoint, records = trainer.state(), []
    for record in trainer.steps():
        records.append(record)
        if is_bad(record):
            trainer.restore(checkpoint)
            rollbacks += 1
        else:
            good += 1
            if good % every == 0:
                checkpoint = trainer.state()
    return records
