"""You seed Python's own random generator while saving: saving must change nothing, in the whole process."""

import copy
import random

import torch


class Checkpoint:
    def __init__(self, job):
        random.seed(job.step)
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
        job.data.order, job.data.position = state["order"], state["position"]
        job.data.generator.set_state(state["shuffling"])
        job.step = state["step"]
