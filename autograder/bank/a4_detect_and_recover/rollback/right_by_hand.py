"""Keeps the copies itself, and the rate in a small class."""

import copy


class Lowered:
    def __init__(self, schedule):
        self.schedule, self.factor = schedule, 1.0

    def __call__(self, step):
        return self.factor * self.schedule(step)


def train_with_rollback(trainer, is_bad, every, lr_factor):
    def save():
        return copy.deepcopy((trainer.model.state_dict(), trainer.optimizer.state_dict()))

    trainer.schedule = lowered = Lowered(trainer.schedule)
    saved, log = save(), []
    for record in trainer.steps():
        log.append(record)
        if is_bad(record):
            print("rolling back at step", record.step)
            trainer.model.load_state_dict(saved[0])
            trainer.optimizer.load_state_dict(copy.deepcopy(saved[1]))
            lowered.factor *= lr_factor
        elif record.step % every == every - 1:
            saved = save()
    return log
