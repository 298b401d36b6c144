"""Your state holds whole objects: torch.load reads plain data only, so put tensors, numbers, lists and dictionaries into it."""

import copy

import torch


class Checkpoint:
    def __init__(self, job):
        self.state = {"job": copy.deepcopy((job.model, job.optimizer)), "dropout": torch.get_rng_state(), "step": job.step}
        self.state |= {
            "order": job.data.order.clone(),
            "position": job.data.position,
            "shuffling": job.data.generator.get_state(),
        }

    def restore(self, job):
        state = copy.deepcopy(self.state)
        model, optimizer = state["job"]
        job.model.load_state_dict(model.state_dict())
        job.optimizer.load_state_dict(optimizer.state_dict())
        torch.set_rng_state(state["dropout"])
        job.data.order, job.data.position, job.step = state["order"], state["position"], state["step"]
        job.data.generator.set_state(state["shuffling"])
