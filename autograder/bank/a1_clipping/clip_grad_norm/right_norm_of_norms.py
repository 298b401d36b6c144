"""The norm of the tensors' norms, which is the same number."""

import torch


def clip_grad_norm(parameters, max_norm):
    with torch.no_grad():
        grads = [p.grad for p in parameters if p.grad is not None]
        norms = [torch.linalg.vector_norm(g) for g in grads]
        total = torch.linalg.vector_norm(torch.stack(norms)) if norms else torch.zeros(())
        if total.item() > max_norm:
            torch._foreach_mul_(grads, (max_norm / total).item())
        return total.item()
