"""You train EXPLODING whatever config is given: use the argument."""

from stabilitylab.exercises.a1_clipping import EXPLODING
from stabilitylab.training import train


def rescue(config):
    return train(EXPLODING.replace(clip_norm=1.0), clip=clip_grad_norm)
