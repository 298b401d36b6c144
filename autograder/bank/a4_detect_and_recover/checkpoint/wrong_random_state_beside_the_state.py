"""You keep torch's random state beside self.state: a checkpoint that is read from a file does not have it. Put it into the
dictionary."""

import copy

import torch


class Checkpoint:
    def __init__(self, job):
        self.state = copy.deepcopy(
            {
                "model": job.model.state_dict(),
                "optimizer": job.optimizer.state_dict(),
                "order": job.data.order,
                "position": job.data.position,
                "shuffling": job.data.generator.get_state(),
                "step": job.step,
            }
        )
        self.dropout = torch.get_rng_state()

    def restore(self, job):
        state = copy.deepcopy(self.state)
        job.model.load_state_dict(state["model"])
        job.optimizer.load_state_dict(state["optimizer"])
        torch.set_rng_state(self.dropout)
        job.data.order, job.data.position = state["order"], state["position"]
        job.data.generator.set_state(state["shuffling"])
        job.step = state["step"]
