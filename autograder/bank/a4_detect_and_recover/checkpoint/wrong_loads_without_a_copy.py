"""Optimizer.load_state_dict keeps the tensors that it is given: the training that follows a restore writes into your checkpoint.
Hand it a copy."""

import copy

import torch


class Checkpoint:
    def __init__(self, job):
        self.state = copy.deepcopy(
            {
                "model": job.model.state_dict(),
                "optimizer": job.optimizer.state_dict(),
                "dropout": torch.get_rng_state(),
                "order": job.data.order,
                "position": job.data.position,
                "shuffling": job.data.generator.get_state(),
                "step": job.step,
            }
        )

    def restore(self, job):
        state = self.state
        job.model.load_state_dict(state["model"])
        job.optimizer.load_state_dict(state["optimizer"])
        torch.set_rng_state(state["dropout"])
        job.data.order = state["order"]
        job.data.position = state["position"]
        job.data.generator.set_state(state["shuffling"])
        job.step = state["step"]
