"""Multiplies the rate in fractions, in a dataclass that is the schedule."""

from dataclasses import dataclass
from fractions import Fraction
from typing import Any


@dataclass
class Lowered:
    schedule: Any
    factor: Fraction = Fraction(1)

    def __call__(self, step):
        return float(self.factor * Fraction(self.schedule(step)))


def train_with_rollback(trainer, is_bad, every, lr_factor):
    lowered = trainer.schedule = Lowered(trainer.schedule)
    saves, records = [trainer.state()], []
    for record in trainer.steps():
        records.append(record)
        if is_bad(record):
            trainer.restore(saves[-1])
            lowered.factor *= Fraction(lr_factor)
        elif not (record.step + 1) % every:
            saves.append(trainer.state())
    return records
