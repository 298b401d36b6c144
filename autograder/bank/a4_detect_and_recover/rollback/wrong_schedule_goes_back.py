"""After a rollback your schedule goes on from the checkpoint's step: weights go back, but the step, and with it the schedule,
goes on."""


def train_with_rollback(trainer, is_bad, every, lr_factor):
    scheduled, rollbacks, saved, lost = trainer.schedule, 0, 0, 0
    trainer.schedule = lambda step: scheduled(step - lost) * lr_factor**rollbacks
    checkpoint, records = trainer.state(), []
    for record in trainer.steps():
        records.append(record)
        if is_bad(record):
            trainer.restore(checkpoint)
            rollbacks += 1
            lost += record.step + 1 - saved
            saved = record.step + 1
        elif (record.step + 1) % every == 0:
            checkpoint, saved = trainer.state(), record.step + 1
    return records
