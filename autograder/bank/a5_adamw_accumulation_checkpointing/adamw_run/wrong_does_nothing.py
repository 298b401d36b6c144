"""Your function returns no run: return what train(config, optimizer=...) gives, with a FunctionOptimizer around your
adamw_step."""


def adamw_run(config):
    pass
