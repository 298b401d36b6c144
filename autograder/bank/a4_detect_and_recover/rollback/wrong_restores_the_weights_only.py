"""You restore the weights and leave the optimizer: its momentum, or its moments, still point where the bad batch sent them."""


def train_with_rollback(trainer, is_bad, every, lr_factor):
    scheduled = trainer.schedule
    rollbacks = 0
    trainer.schedule = lambda step: scheduled(step) * lr_factor**rollbacks
    checkpoint, records = trainer.state(), []
    for record in trainer.steps():
        records.append(record)
        if is_bad(record):
            trainer.model.load_state_dict(checkpoint["model"])
            rollbacks += 1
        elif (record.step + 1) % every == 0:
            checkpoint = trainer.state()
    return records
