"""Writes each checkpoint to a file of its own, whose name no other one has; state is where it lies."""

import tempfile

import torch


class Checkpoint:
    def __init__(self, job):
        with tempfile.NamedTemporaryFile(suffix=".pt", delete=False) as file:
            torch.save(
                {
                    "model": job.model.state_dict(),
                    "optimizer": job.optimizer.state_dict(),
                    "random": (torch.get_rng_state(), job.data.generator.get_state()),
                    "data": (job.data.order, job.data.position),
                    "step": job.step,
                },
                file,
            )
        self.state = {"file": file.name}

    def restore(self, job):
        state = torch.load(self.state["file"])
        job.model.load_state_dict(state["model"])
        job.optimizer.load_state_dict(state["optimizer"])
        torch.set_rng_state(state["random"][0])
        job.data.generator.set_state(state["random"][1])
        job.data.order, job.data.position = state["data"]
        job.step = state["step"]
