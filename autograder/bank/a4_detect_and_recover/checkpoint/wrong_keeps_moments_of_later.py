"""Where no moments were saved, as before the first step, you leave those that Adam has by now: clear them."""

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
        state = copy.deepcopy(self.state)
        job.model.load_state_dict(state["model"])
        if state["optimizer"]["state"]:
            job.optimizer.load_state_dict(state["optimizer"])
        torch.set_rng_state(state["dropout"])
        job.data.order, job.data.position = state["order"], state["position"]
        job.data.generator.set_state(state["shuffling"])
        job.step = state["step"]
