"""You seed anew instead of restoring the random state: a seed starts the stream of numbers from its beginning, and the job was in
the middle of it."""

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

    def restore(self, job):
        state = copy.deepcopy(self.state)
        job.model.load_state_dict(state["model"])
        job.optimizer.load_state_dict(state["optimizer"])
        torch.manual_seed(0)
        job.data.order = state["order"]
        job.data.position = state["position"]
        job.data.generator.set_state(state["shuffling"])
        job.step = state["step"]
