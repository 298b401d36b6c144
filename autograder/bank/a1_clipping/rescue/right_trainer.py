"""With a Trainer instead of train."""

from stabilitylab import Trainer


def rescue(config):
    trainer = Trainer(config.replace(clip_norm=1.0), clip=clip_grad_norm)
    return trainer.result(list(trainer.steps()))
