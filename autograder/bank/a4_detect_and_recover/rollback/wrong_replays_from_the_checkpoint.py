"""You go back in the data as well and repeat the steps since the checkpoint, bad one included: the weights go back, the data go
on."""


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
                step = record.step // every * every
                break
            if step % every == 0:
                checkpoint = trainer.state()
    return records
