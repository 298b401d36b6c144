"""You lower the rate only once the warmup is over: a bad step in the warmup lowers it as well."""


def train_with_rollback(trainer, is_bad, every, lr_factor):
    scheduled, rollbacks = trainer.schedule, 0
    trainer.schedule = lambda step: scheduled(step) * lr_factor**rollbacks
    checkpoint, records = trainer.state(), []
    for record in trainer.steps():
        records.append(record)
        if is_bad(record):
            trainer.restore(checkpoint)
            rollbacks += record.step >= trainer.config.warmup_steps
        elif (record.step + 1) % every == 0:
            checkpoint = trainer.state()
    return records
