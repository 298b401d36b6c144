"""You take a checkpoint that is due after a bad step, too: at a bad step nothing is saved, and the last good one stays."""


def train_with_rollback(trainer, is_bad, every, lr_factor):
    scheduled = trainer.schedule
    rollbacks = 0
    trainer.schedule = lambda step: scheduled(step) * lr_factor**rollbacks
    checkpoint, records = trainer.state(), []
    for record in trainer.steps():
        records.append(record)
        reached = trainer.state()
        if is_bad(record):
            trainer.restore(checkpoint)
            rollbacks += 1
        if (record.step + 1) % every == 0:
            checkpoint = reached
    return records
