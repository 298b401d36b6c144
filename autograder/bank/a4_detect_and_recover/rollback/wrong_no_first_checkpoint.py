"""You have no checkpoint from before the first step: a bad step that comes before the first one is due finds nothing to
restore."""


def train_with_rollback(trainer, is_bad, every, lr_factor):
    scheduled = trainer.schedule
    rollbacks = 0
    trainer.schedule = lambda step: scheduled(step) * lr_factor**rollbacks
    checkpoint, records = None, []
    for record in trainer.steps():
        records.append(record)
        if is_bad(record):
            trainer.restore(checkpoint)
            rollbacks += 1
        elif (record.step + 1) % every == 0:
            checkpoint = trainer.state()
    return records
