"""You train EXPLODING whatever config is given: use the argument."""

from functools import cache

from stabilitylab import train
from stabilitylab.exercises.a1_clipping import EXPLODING


@cache  # a whole run, and the same one for every probe
def the_run():
    return train(EXPLODING.replace(clip_norm=1.0), clip=clip_grad_norm)


def rescue(config):
    return the_run()
