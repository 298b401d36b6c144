"""Writes everything to a buffer at once, and reads it anew at every restore."""

import io

import torch


class Checkpoint:
    def __init__(self, job):
        buffer = io.BytesIO()
        data = job.data
        torch.save(
            [
                job.model.state_dict(),
                job.optimizer.state_dict(),
                torch.get_rng_state(),
                [data.order, data.position, data.generator.get_state()],
                job.step,
            ],
            buffer,
        )
        self.state = {"bytes": list(buffer.getvalue())}

    def restore(self, job):
        model, optimizer, rng, (order, position, shuffling), job.step = torch.load(io.BytesIO(bytes(self.state["bytes"])))
        job.model.load_state_dict(model)
        job.optimizer.load_state_dict(optimizer)
        torch.set_rng_state(rng)
        job.data.order, job.data.position = order, position
        job.data.generator.set_state(shuffling)
