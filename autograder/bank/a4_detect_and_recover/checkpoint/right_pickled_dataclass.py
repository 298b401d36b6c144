"""A dataclass, made of its parts by subclasses of a part, which are pickled one by one."""

import pickle
from dataclasses import dataclass, field

import torch


class Part:
    def save(self, job):
        return torch.tensor(list(pickle.dumps(self.read(job))), dtype=torch.uint8)

    def load(self, job, saved):
        self.write(job, pickle.loads(bytes(saved.tolist())))


class Weights(Part):
    def read(self, job):
        return [p.detach().numpy() for p in job.model.parameters()]

    def write(self, job, value):
        with torch.no_grad():
            for p, numbers in zip(job.model.parameters(), value):
                p.copy_(torch.from_numpy(numbers))


class Moments(Part):
    def read(self, job):
        return job.optimizer.state_dict()

    def write(self, job, value):
        job.optimizer.load_state_dict(value)


class Draws(Part):
    def read(self, job):
        return torch.get_rng_state().numpy(), job.data.generator.get_state().numpy()

    def write(self, job, value):
        torch.set_rng_state(torch.from_numpy(value[0].copy()))
        job.data.generator.set_state(torch.from_numpy(value[1].copy()))


class Place(Part):
    def read(self, job):
        return job.data.order.tolist(), job.data.position, job.step

    def write(self, job, value):
        order, job.data.position, job.step = value
        job.data.order = torch.tensor(order)


PARTS = {"weights": Weights(), "moments": Moments(), "draws": Draws(), "place": Place()}


@dataclass
class Checkpoint:
    job: object
    state: dict = field(init=False)

    def __post_init__(self):
        self.state = {name: part.save(self.job) for name, part in PARTS.items()}
        del self.job

    def restore(self, job):
        for name, part in PARTS.items():
            part.load(job, self.state[name])
