"""You keep the order of the examples beside self.state: a checkpoint that is read from a file does not have it. Put it into
the dictionary."""

import copy

import torch


class Checkpoint:
    def __init__(self, job):
        self.state = copy.deepcopy(
            {
                "model": job.model.state_dict(),
                "optimizer": job.optimizer.state_dict(),
                "dropout": torch.get_rng_state(),
                "position": job.data.position,
                "shuffling": job.data.generator.get_state(),
                "step": job.step,
            }
        )
        self.order = job.data.order.clone()

    def restore(self, job):
        state = copy.deepcopy(self.state)
        job.model.load_state_dict(state["model"])
        job.optimizer.load_state_dict(state["optimizer"])
        torch.set_rng_state(state["dropout"])
        job.data.order, job.data.position = self.order.clone(), state["position"]
        job.data.generator.set_state(state["shuffling"])
        job.step = state["step"]
