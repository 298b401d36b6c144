"""The references that answers are compared with, against other people's implementations and published tables."""

import pytest
import torch

from autograder.expected import REFERENCES
from stabilitylab.training import precision


def reference(assignment):
    namespace = {}
    exec((REFERENCES / f"{assignment}.py").read_text(), namespace)
    return namespace


# transformers, tests/optimization/test_optimization.py at 7471452 (Apache 2.0): rates of ten steps from a base of 10, printed
# with few digits
COSINE = [0.0, 5.0, 10.0, 9.61, 8.53, 6.91, 5.0, 3.08, 1.46, 0.38]
INVERSE_SQRT = [0.0, 5.0, 10.0, 8.165, 7.071, 6.325, 5.774, 5.345, 5.0, 4.714]


def test_schedules_agree_with_the_tables_of_transformers():
    ours = reference("a2_schedules")
    cosine = [ours["warmup_cosine"](step, base_lr=10.0, warmup_steps=2, total_steps=10) for step in range(10)]
    assert cosine == pytest.approx(COSINE, abs=1e-2)
    inverse = [ours["warmup_inverse_sqrt"](step, base_lr=10.0, warmup_steps=2) for step in range(10)]
    assert inverse == pytest.approx(INVERSE_SQRT, abs=1e-3)


def rates(scheduler_of, steps, lr=1.0):
    """What a torch scheduler sets, step by step."""
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=lr)
    scheduler = scheduler_of(optimizer)
    found = []
    for _ in range(steps):
        found.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        scheduler.step()
    return found


def test_schedules_agree_with_torch():
    ours, schedulers = reference("a2_schedules"), torch.optim.lr_scheduler
    annealed = rates(lambda o: schedulers.CosineAnnealingLR(o, T_max=8, eta_min=1.0), 9, lr=10.0)
    assert [ours["warmup_cosine"](s, base_lr=10.0, warmup_steps=0, total_steps=8, min_lr=1.0) for s in range(9)] == pytest.approx(
        annealed
    )

    def formula(step):  # equation 3 of Vaswani et al. 2017
        return 512**-0.5 * min(step**-0.5, step * 4000**-1.5) if step else 0.0

    noam = rates(lambda o: schedulers.LambdaLR(o, formula), 9000)
    assert [ours["noam"](step, d_model=512, warmup_steps=4000) for step in range(9000)] == pytest.approx(noam)
    assert max(noam) == pytest.approx(6.98771e-4, rel=1e-5)


def test_the_loss_scaler_takes_the_same_decisions_as_torch():
    torch.manual_seed(0)
    ours = reference("a3_loss_scaling")["DynamicLossScaler"](1024.0, 2.0, 0.5, 3)
    theirs = precision.DynamicLossScaler(init_scale=1024.0, growth_factor=2.0, backoff_factor=0.5, growth_interval=3)
    for step in range(40):
        a, b = torch.nn.Parameter(torch.ones(3)), torch.nn.Parameter(torch.ones(3))
        gradient = torch.randn(3)
        if step % 7 == 4:
            gradient[step % 3] = float("inf") if step % 2 else float("nan")
        found = []
        for scaler, p in ((ours, a), (theirs, b)):
            scaler.scale((p * gradient).sum()).backward()
            found.append(bool(scaler.unscale_([p])))
            scaler.update(found[-1])
        assert found[0] == found[1] and ours.loss_scale == theirs.loss_scale
        assert torch.equal(a.grad.nan_to_num(), b.grad.nan_to_num())


def test_adamw_agrees_with_torch():
    torch.manual_seed(0)
    adamw_step = reference("a5_adamw_accumulation_checkpointing")["adamw_step"]
    mine, theirs = torch.nn.Parameter(torch.randn(4, 3)), torch.nn.Parameter(torch.zeros(4, 3))
    theirs.data.copy_(mine.data)
    settings = {"lr": 0.01, "betas": (0.8, 0.95), "eps": 1e-6, "weight_decay": 0.1}
    optimizer, state = torch.optim.AdamW([theirs], **settings), {}
    for _ in range(20):
        theirs.grad = torch.randn(4, 3)
        optimizer.step()
        adamw_step(mine, theirs.grad, state, **settings)
        assert torch.allclose(mine, theirs, atol=1e-6)


def test_activation_checkpointing_agrees_with_torch():
    torch.manual_seed(0)
    blocks = [torch.nn.Sequential(torch.nn.Linear(4, 4), torch.nn.Dropout(0.3)) for _ in range(3)]
    x = torch.randn(5, 4, requires_grad=True)

    def plain(blocks, x):
        for block in blocks:
            x = torch.utils.checkpoint.checkpoint(block, x, use_reentrant=False)
        return x

    results = []
    for forward in (plain, reference("a5_adamw_accumulation_checkpointing")["checkpointed"]):
        torch.manual_seed(1)
        parameters = [p for block in blocks for p in block.parameters()]
        results.append(torch.autograd.grad(forward(blocks, x).square().sum(), [x, *parameters]))
    assert all(torch.allclose(a, b) for a, b in zip(*results))
