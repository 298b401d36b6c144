"""The loop used PyTorch's own AdamW: pass yours to train, optimizer=..."""

from stabilitylab import train


def adamw_run(config):
    return train(config)
