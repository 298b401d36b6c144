"""Four rules, each a closure with its own memory, in a subclass of a general monitor."""

import math

import numpy as np


def not_finite():
    return lambda r: not (math.isfinite(r.loss) and math.isfinite(r.grad_norm))


def spike(factor, window=25):
    norms = []

    def rule(r):
        high = len(norms) >= 12 and bool(r.grad_norm > factor * np.quantile(norms, 0.5))
        if np.isfinite(r.grad_norm):
            norms.append(r.grad_norm)
            del norms[:-window]
        return high

    return rule


def often(share, window=20):
    fired = np.zeros(window)

    def rule(r):
        fired[:-1] = fired[1:].copy()
        fired[-1] = r.clipped
        return fired.mean() > share

    return rule


class Monitor:
    def __init__(self, **rules):
        self.rules = rules

    def observe(self, record):
        return {name for name, rule in self.rules.items() if rule(record)}


class StabilityMonitor(Monitor):
    def __init__(self):
        super().__init__(
            nonfinite=not_finite(), spike=spike(5.5), firing_rate=often(0.55), update_ratio=lambda r: r.update_ratio > 0.045
        )
