"""The steps after a rollback run at the old rate: multiply the schedule by lr_factor. (The loop sets the rate from
trainer.schedule at every step, so what you write into param_groups is lost.)"""


def train_with_rollback(trainer, is_bad, every, lr_factor):
    checkpoint, records = trainer.state(), []
    for record in trainer.steps():
        records.append(record)
        if is_bad(record):
            trainer.restore(checkpoint)
            for group in trainer.optimizer.param_groups:
                group["lr"] *= lr_factor
        elif (record.step + 1) % every == 0:
            checkpoint = trainer.state()
    return records
