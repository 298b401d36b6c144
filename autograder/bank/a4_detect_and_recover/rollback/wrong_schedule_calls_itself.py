"""Your new schedule asks trainer.schedule, which is by then itself: keep the old function in a variable of its own first."""


def train_with_rollback(trainer, is_bad, every, lr_factor):
    checkpoint, records = trainer.state(), []
    for record in trainer.steps():
        records.append(record)
        if is_bad(record):
            trainer.restore(checkpoint)
            trainer.schedule = lambda step: lr_factor * trainer.schedule(step)
        elif (record.step + 1) % every == 0:
            checkpoint = trainer.state()
    return records
