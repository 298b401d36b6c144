"""Every checkpoint goes into the same file: the second one overwrites the first. Keep what was saved in self.state."""

import torch


class Checkpoint:
    def __init__(self, job):
        everything = {
            "model": job.model.state_dict(),
            "optimizer": job.optimizer.state_dict(),
            "dropout": torch.get_rng_state(),
            "order": job.data.order,
            "position": job.data.position,
            "shuffling": job.data.generator.get_state(),
            "step": job.step,
        }
        torch.save(everything, "checkpoint.pt")
        self.state = {"path": "checkpoint.pt"}

    def restore(self, job):
        state = torch.load(self.state["path"])
        job.model.load_state_dict(state["model"])
        job.optimizer.load_state_dict(state["optimizer"])
        torch.set_rng_state(state["dropout"])
        job.data.order, job.data.position = state["order"], state["position"]
        job.data.generator.set_state(state["shuffling"])
        job.step = state["step"]
