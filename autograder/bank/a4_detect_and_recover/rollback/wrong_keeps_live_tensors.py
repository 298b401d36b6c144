"""Your checkpoint is the live state_dict, which changes with the weights: restoring it changes nothing. trainer.state() returns
copies."""


def train_with_rollback(trainer, is_bad, every, lr_factor):
    scheduled = trainer.schedule
    rollbacks = 0
    trainer.schedule = lambda step: scheduled(step) * lr_factor**rollbacks
    checkpoint, records = {"model": trainer.model.state_dict(), "optimizer": trainer.optimizer.state_dict()}, []
    for record in trainer.steps():
        records.append(record)
        if is_bad(record):
            trainer.restore(checkpoint)
            rollbacks += 1
        elif (record.step + 1) % every == 0:
            checkpoint = {"model": trainer.model.state_dict(), "optimizer": trainer.optimizer.state_dict()}
    return records
