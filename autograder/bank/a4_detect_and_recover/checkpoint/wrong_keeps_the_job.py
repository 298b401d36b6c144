"""You keep the job itself: it trains on, and your checkpoint with it. Keep copies of what it holds."""

import copy


class Checkpoint:
    def __init__(self, job):
        self.job = job
        self.state = {}

    def restore(self, job):
        job.model.load_state_dict(self.job.model.state_dict())
        job.optimizer.load_state_dict(copy.deepcopy(self.job.optimizer.state_dict()))
        job.data, job.step = copy.deepcopy(self.job.data), self.job.step
