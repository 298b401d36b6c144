"""Your checkpoint keeps nothing: save what decides how the job goes on, and put it back in restore."""


class Checkpoint:
    def __init__(self, job):
        pass

    def restore(self, job):
        pass
