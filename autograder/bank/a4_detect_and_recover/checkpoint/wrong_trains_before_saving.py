"""You take a step before you save, to note the loss: that step changes the job, and belongs to its training."""

import copy

import torch


class Checkpoint:
    def __init__(self, job):
        self.loss = job.train(1)[0]
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
        state = copy.deepcopy(self.state)
        job.model.load_state_dict(state["model"])
        job.optimizer.load_state_dict(state["optimizer"])
        torch.set_rng_state(state["dropout"])
        job.data.order = state["order"]
        job.data.position = state["position"]
        job.data.generator.set_state(state["shuffling"])
        job.step = state["step"]
