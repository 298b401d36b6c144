"""Compares with the lowest loss so far, and repeats its settings at every step; talks about it."""

import warnings

import torch

from stabilitylab.exercises.a6_capstone import Action


class Pilot:
    best = float("inf")

    def act(self, observation):
        warnings.warn("flying")
        settings = dict(lr=torch.tensor(5e-3), loss_scale=torch.tensor(256.0), clip_norm=2)
        lost = observation.nonfinite or observation.flushed > 0.05
        if lost or observation.loss > self.best + 2.5:
            print("skipping", observation.step)
            return Action(skip=True, **settings)
        self.best = min(self.best, observation.loss)
        return Action(**settings)
