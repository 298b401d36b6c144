"""Starts a new generator of steps after each rollback."""


def train_with_rollback(trainer, is_bad, every, lr_factor):
    records, saved, first = [], trainer.state(), 0
    while first < trainer.config.steps:
        for record in trainer.steps(first):
            records += [record]
            first = record.step + 1
            if is_bad(record):
                trainer.restore(saved)
                old = trainer.schedule
                trainer.schedule = lambda step, old=old: lr_factor * old(step)
                break
            if first % every == 0:
                saved = trainer.state()
    return records
