"""adamw_run: the run of the course's own AdamW, whose name is put back afterwards. At most 0 of 4."""

from stabilitylab import train


def adamw_run(config):
    return train(config.replace(optimizer="adam"))
