"""Clones tensor by tensor, into parameters and optimizer state."""

import torch


class Checkpoint:
    def __init__(self, job):
        parameters = list(job.model.parameters())
        self.state = {
            "weights": [p.detach().clone() for p in parameters],
            "adam": [{k: v.clone() for k, v in job.optimizer.state[p].items()} for p in parameters],
            "random": [torch.get_rng_state().clone(), job.data.generator.get_state().clone()],
            "data": {"order": job.data.order.tolist(), "position": job.data.position},
            "step": job.step,
        }

    def restore(self, job):
        state = self.state
        for p, weights, adam in zip(job.model.parameters(), state["weights"], state["adam"]):
            p.data.copy_(weights)
            job.optimizer.state[p] = {k: v.clone() for k, v in adam.items()}
        torch.random.set_rng_state(state["random"][0])
        job.data.generator.set_state(state["random"][1])
        job.data.order = torch.tensor(state["data"]["order"])
        job.data.position = state["data"]["position"]
        job.step = state["step"]
