"""You skip the step after the bad one as well: go on with the very next."""


def train_with_rollback(trainer, is_bad, every, lr_factor):
    scheduled, rollbacks = trainer.schedule, 0
    trainer.schedule = lambda step: scheduled(step) * lr_factor**rollbacks
    checkpoint, records, step = trainer.state(), [], 0
    while step < trainer.config.steps:
        for record in trainer.steps(first=step):
            records.append(record)
            step = record.step + 1
            if is_bad(record):
                trainer.restore(checkpoint)
                rollbacks += 1
                step = record.step + 2
                break
            if step % every == 0:
                checkpoint = trainer.state()
    return records
