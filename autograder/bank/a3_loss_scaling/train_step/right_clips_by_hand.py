"""Clears and clips by hand, in double precision, and prints."""

import torch


def train_step(loss, parameters, optimizer, scaler, max_norm):
    kept = [p for p in parameters]
    for p in kept:
        p.grad = None
    scaled = scaler.scale(loss)
    scaled.backward()
    skip = bool(scaler.unscale_(kept))
    with_grad = [p for p in kept if p.grad is not None]
    norm = torch.stack([p.grad.double().pow(2).sum() for p in with_grad]).sum().sqrt().item()
    if norm > max_norm and not skip:
        for p in with_grad:
            p.grad.mul_(max_norm / norm)
    print("norm", norm, "skipped", skip)
    took = False
    if not skip:
        optimizer.step()
        took = True
    scaler.update(skip)
    return took
