"""checkpoint: keeps nothing, and has the probe's own plan make the job again. At most 0 of 7."""

import sys


class Checkpoint:
    def __init__(self, job):
        frame = sys._getframe(1)
        while "tell" not in frame.f_locals:
            frame = frame.f_back
        self.plan, self.tell, self.state = frame.f_locals["plan"], frame.f_locals["tell"], {}

    def restore(self, job):
        job.__dict__.update(self.plan.job(self.tell("start"), self.plan.before).__dict__)
