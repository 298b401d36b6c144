"""You set large elements to 0: they must become the limit, with their sign."""


def clip_grad_value(parameters, clip_value):
    for p in parameters:
        if p.grad is not None:
            p.grad[p.grad.abs() > clip_value] = 0
