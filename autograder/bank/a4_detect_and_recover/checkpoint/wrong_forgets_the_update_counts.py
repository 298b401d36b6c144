"""You save Adam's moments without its step counts: the bias correction then takes old moments for young ones, and the first
updates are too large."""

import copy

import torch


class Checkpoint:
    def __init__(self, job):
        self.state = copy.deepcopy(
            {
                "model": job.model.state_dict(),
                "moments": [dict(s) for s in job.optimizer.state.values()],
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
        for p, saved in zip(job.model.parameters(), state["moments"]):
            job.optimizer.state[p] = {**saved, "step": torch.tensor(0.0)}
        torch.set_rng_state(state["dropout"])
        job.data.order = state["order"]
        job.data.position = state["position"]
        job.data.generator.set_state(state["shuffling"])
        job.step = state["step"]
