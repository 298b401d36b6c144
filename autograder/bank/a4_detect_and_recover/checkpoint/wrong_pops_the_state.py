"""restore takes its entries out of self.state: the second restore finds nothing there. Read them instead."""

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
        job.model.load_state_dict(state.pop("model"))
        job.optimizer.load_state_dict(copy.deepcopy(state["optimizer"]))
        torch.set_rng_state(state["dropout"])
        job.data.order, job.data.position = state["order"], state["position"]
        job.data.generator.set_state(state["shuffling"])
        job.step = state["step"]
