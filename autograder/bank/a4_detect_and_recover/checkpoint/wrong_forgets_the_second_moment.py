"""You bring back Adam's first moment and start its second one from zero: the first steps after a restore are far too long."""

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
        job.optimizer.load_state_dict(state["optimizer"])
        for moments in job.optimizer.state.values():
            moments["exp_avg_sq"].zero_()
        torch.set_rng_state(state["dropout"])
        job.data.order, job.data.position = state["order"], state["position"]
        job.data.generator.set_state(state["shuffling"])
        job.step = state["step"]
