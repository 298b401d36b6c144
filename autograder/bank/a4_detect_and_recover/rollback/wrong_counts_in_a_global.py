"""You count rollbacks in a global variable that is never set back: the next run begins with the lowered rate of the last one."""

ROLLBACKS = []


def train_with_rollback(trainer, is_bad, every, lr_factor):
    scheduled = trainer.schedule
    trainer.schedule = lambda step: scheduled(step) * lr_factor ** len(ROLLBACKS)
    checkpoint, records = trainer.state(), []
    for record in trainer.steps():
        records.append(record)
        if is_bad(record):
            trainer.restore(checkpoint)
            ROLLBACKS.append(1)
        elif (record.step + 1) % every == 0:
            checkpoint = trainer.state()
    return records
