"""What assignment a5_adamw_accumulation_checkpointing asks: a step of AdamW, a batch in pieces, a stack without its activations,
and a run."""

from __future__ import annotations

import gc
import hashlib
import random
import weakref
from collections.abc import Callable, Iterable
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from stabilitylab.exercises import Probe, Question, Tell, quiz
from stabilitylab.experiments.memory.checkpointing import LiveBytes
from stabilitylab.training.config import RunConfig
from stabilitylab.training.loop import Trainer, train
from stabilitylab.training.model import ModelConfig
from stabilitylab.training.optimizers import NamedParameters
from stabilitylab.training.telemetry import Run

TORCH_ADAM = (
    "torch.optim.AdamW",
    "torch.optim.Adam",
    "torch.optim.adamw.AdamW",
    "torch.optim.adamw.adamw",
    "torch.optim.adam.Adam",
    "torch.optim.adam.adam",
    "torch.optim._functional.adamw",
    "torch.optim._functional.adam",
    "torch.optim.adam._single_tensor_adam",
    "torch.optim.adam._multi_tensor_adam",
    "torch.optim.adam._fused_adam",
    "torch._fused_adamw_",
    "torch._fused_adam_",
    "torch.ops.aten._fused_adamw_",
    "torch.ops.aten._fused_adam_",
)
TORCH_CHECKPOINT = (
    "torch.utils.checkpoint.checkpoint",
    "torch.utils.checkpoint.checkpoint_sequential",
    "torch.utils.checkpoint.CheckpointFunction",
    "torch.utils.checkpoint._checkpoint_without_reentrant_generator",
)

SMALL = RunConfig(
    model=ModelConfig(layers=2, width=32, context=32),
    optimizer="adamw",
    lr=3e-3,
    warmup_steps=10,
    weight_decay=0.1,
    batch_size=8,
    steps=150,
)
"""A healthy pre-LN run under AdamW."""


class FunctionOptimizer(torch.optim.Optimizer):
    """A torch optimizer whose step is a function: ``function(parameter, grad, state, lr=..., betas=..., eps=...,
    weight_decay=...)``.

    Args:
        params: parameters, named or not, or groups ``{"params": [...], "weight_decay": ...}`` with settings of their own, as for
            torch's optimizers.
        function: called once per step for every parameter that has a gradient, with that parameter's own ``state`` dictionary.
        lr: learning rate; the training loop sets it anew before every step.
        betas: passed on.
        eps: passed on.
        weight_decay: passed on.
    """

    def __init__(
        self,
        params: Iterable[Any],
        function: Callable[..., Any],
        *,
        lr: float,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.0,
    ):
        super().__init__(params, {"lr": lr, "betas": betas, "eps": eps, "weight_decay": weight_decay})
        self.function = function

    @torch.no_grad()
    def step(self, closure: None = None) -> None:  # type: ignore[override]
        for group in self.param_groups:
            settings = {name: group[name] for name in ("lr", "betas", "eps", "weight_decay")}
            for parameter in group["params"]:
                if parameter.grad is not None:
                    self.function(parameter, parameter.grad, self.state[parameter], **settings)


def torch_run(config: RunConfig) -> Run:
    """The run of config under torch's own AdamW, which decays tensors with two or more dimensions and no others."""

    def build(parameters: NamedParameters) -> torch.optim.Optimizer:
        groups = [
            {"params": [p for _, p in parameters if p.dim() >= 2], "weight_decay": config.weight_decay},
            {"params": [p for _, p in parameters if p.dim() < 2], "weight_decay": 0.0},
        ]
        return torch.optim.AdamW(groups, lr=config.lr, betas=config.betas, eps=config.eps)

    return train(config, optimizer=build)


def uneven_batch(seed: int = 0) -> tuple[nn.Module, Callable[[Any], tuple[Tensor, int]], list[Any]]:
    """A slightly trained Transformer, its ``loss_sum``, and eight micro-batches with 8 to 256 bytes that count.

    A micro-batch is a pair of inputs and targets; a target of -100 does not count.
    """
    trainer = Trainer(SMALL.replace(seed=seed, steps=30))
    for _ in trainer.steps():
        pass
    inputs, targets = trainer.corpus.batches(64, 32, seed)(30)
    lengths = torch.tensor((1, 2, 4, 8, 16, 24, 32, 32)).repeat_interleave(8)
    targets = targets.masked_fill(torch.arange(32) >= lengths[:, None], -100)

    def loss_sum(micro_batch: tuple[Tensor, Tensor]) -> tuple[Tensor, int]:
        inputs, targets = micro_batch
        logits = trainer.model(inputs).flatten(0, 1)
        return F.cross_entropy(logits, targets.flatten(), reduction="sum", ignore_index=-100), int((targets != -100).sum())

    return trainer.model, loss_sum, list(zip(inputs.chunk(8), targets.chunk(8)))


def peak_megabytes(run: Callable[[Any, Tensor], Tensor], depth: int) -> float:
    """Most megabytes of tensors alive at once in a forward and backward pass through ``depth`` blocks, the weights left out."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        blocks = nn.ModuleList(nn.Sequential(nn.Linear(64, 256), nn.GELU(), nn.Linear(256, 64)) for _ in range(depth))
        x = torch.randn(2048, 64)
    weights = [x, *blocks.parameters()]
    with LiveBytes(weights) as meter:
        start = meter.live
        run(blocks, x).square().mean().backward()
    return (meter.peak - start) / 1e6


def tensor(rng: random.Random, shape: tuple[int, ...], scale: float = 1.0) -> Tensor:
    """Gaussian numbers from Python's generator, whose draws are the same on every machine."""
    count = 1
    for size in shape:
        count *= size
    return torch.tensor([rng.gauss(0, scale) for _ in range(count)]).view(shape)


def away_from_zero(rng: random.Random, shape: tuple[int, ...], scale: float = 1.0) -> Tensor:
    """Numbers of both signs whose size is between ``scale`` and twice that."""
    drawn = tensor(rng, shape)
    sizes = torch.tensor([rng.uniform(1, 2) for _ in range(drawn.numel())]).view(shape)
    return torch.where(drawn < 0, -1.0, 1.0) * sizes * scale


# 1. adamw_step

SHAPE = (3, 2)


def settings(rng: random.Random) -> dict[str, Any]:
    """A learning rate and a decay so large that their product shows after one step."""
    return {"lr": rng.uniform(0.05, 0.1), "weight_decay": rng.uniform(0.4, 0.8)}


def takes_a_first_step(adamw_step, rng):
    parameter, grad = away_from_zero(rng, SHAPE), away_from_zero(rng, SHAPE, scale=10 ** rng.uniform(-2, 1))
    adamw_step(parameter, grad, {}, lr=rng.uniform(0.05, 0.1))
    return parameter


def takes_several_steps(adamw_step, rng):
    parameter, state, seen = away_from_zero(rng, SHAPE), {}, []
    lr = rng.uniform(0.05, 0.1)
    for _ in range(5):
        adamw_step(parameter, away_from_zero(rng, SHAPE, scale=10 ** rng.uniform(-1, 1)), state, lr=lr, weight_decay=0.0)
        seen.append(parameter.clone())
    return seen


def decays_without_a_gradient(adamw_step, rng):
    parameter, state, seen = away_from_zero(rng, SHAPE), {}, []
    chosen = settings(rng)
    for _ in range(3):
        adamw_step(parameter, torch.zeros(SHAPE), state, **chosen)
        seen.append(parameter.clone())
    return seen


def decays_whatever_the_gradient(adamw_step, rng):
    start, grad, chosen, seen = away_from_zero(rng, SHAPE), away_from_zero(rng, SHAPE), settings(rng), []
    for factor in (1e-2, 1.0, 1e2):
        parameter, state = start.clone(), {}
        for _ in range(2):
            adamw_step(parameter, factor * grad, state, **chosen)
        seen.append(parameter)
    return seen


def puts_eps_outside_the_root(adamw_step, rng):
    seen = []
    for eps in (1e-8, 1e-6):
        parameter, state = away_from_zero(rng, SHAPE), {}
        for _ in range(2):  # gradients about as large as eps, where its place decides
            grad = away_from_zero(rng, SHAPE, scale=eps)
            adamw_step(parameter, grad, state, lr=0.1, betas=(0.9, 0.999), eps=eps, weight_decay=0.0)
        seen.append(parameter)
    return seen


def follows_its_arguments(adamw_step, rng):
    seen, eps = [], rng.uniform(0.1, 0.3)
    for betas in ((rng.uniform(0.2, 0.35), rng.uniform(0.88, 0.92)), (rng.uniform(0.3, 0.45), rng.uniform(0.35, 0.45))):
        parameter, state = away_from_zero(rng, SHAPE), {}
        # the second moment grows, at a step longer than the rate, and then it shrinks
        for size in (1.0, 1.0, 1.0, 10.0, 0.1, 0.1, 0.1, 1.0):
            lr, decay = rng.uniform(0.02, 0.1), rng.uniform(0.4, 0.8)
            grad = away_from_zero(rng, SHAPE, scale=size)
            adamw_step(parameter, grad, state, lr=lr, betas=betas, eps=eps, weight_decay=decay)
            seen.append(parameter.clone())
    return seen


def keeps_a_state_for_each_parameter(adamw_step, rng):
    parameters, states = [away_from_zero(rng, SHAPE) for _ in range(2)], [{}, {}]
    for turn in (0, 1, 0, 0, 1):
        adamw_step(parameters[turn], away_from_zero(rng, SHAPE), states[turn], **settings(rng))
    return [{"step": s["step"], "exp_avg": s["exp_avg"], "exp_avg_sq": s["exp_avg_sq"]} for s in states]


def takes_a_parameter_and_leaves_its_gradient(adamw_step, rng):
    seen = []
    # a matrix, a transposed one, whose numbers do not lie in a row, and a vector
    for made in (away_from_zero(rng, SHAPE), away_from_zero(rng, SHAPE).t(), away_from_zero(rng, (4,))):
        parameter, state = nn.Parameter(made), {}
        parameter.grad = away_from_zero(rng, tuple(made.shape))
        chosen = settings(rng)
        try:
            for _ in range(2):
                adamw_step(parameter, parameter.grad, state, **chosen)
        except RuntimeError as error:  # PyTorch's, about autograd with any layout, about views with one
            seen.append(type(error).__name__)
        else:
            seen.append({"parameter": parameter.detach(), "grad": parameter.grad})
    return seen


# 2. accumulated_step


class Watched(torch.optim.SGD):
    """SGD that notes the gradients it is given at every step."""

    def __init__(self, parameters: list[nn.Parameter], lr: float):
        super().__init__(parameters, lr=lr)
        self.seen: list[list[Tensor | None]] = []

    def step(self, closure: Any = None) -> Any:
        held = self.param_groups[0]["params"]
        self.seen.append([None if p.grad is None else p.grad.detach().clone() for p in held])
        return super().step(closure)


class Regression:
    """A linear model, and micro-batches that pull it to different places.

    Args:
        rng: draws them.
        counts: the tokens of each micro-batch.
        tell: if given, a ``Ledger`` is told when which micro-batch runs, and says how far it pulls: without a run of ``loss_sum``
            nobody knows.
    """

    def __init__(self, rng: random.Random, counts: tuple[int, ...], tell: Tell | None = None):
        self.weight, self.bias = nn.Parameter(tensor(rng, (3, 2))), nn.Parameter(tensor(rng, (2,)))
        self.optimizer = Watched([self.weight, self.bias], lr=rng.uniform(0.01, 0.05))
        self.tell = tell
        self.micro_batches: list[str] = []  # names alone: what is in one only ``loss_sum`` knows
        self._data: dict[str, tuple[int, Tensor, Tensor]] = {}
        for place, count in enumerate(counts):
            pull = (4 + 2 * place) * (1 if place % 2 else -1)  # opposed, so that the weight of each micro-batch shows
            self.micro_batches.append(f"micro-batch {place}")
            self._data[self.micro_batches[-1]] = (place, tensor(rng, (count, 3)) + 0.5, tensor(rng, (count, 2)) + pull)

    @property
    def parameters(self) -> list[nn.Parameter]:
        return [self.weight, self.bias]

    def loss_sum(self, micro_batch: str) -> tuple[Tensor, int]:
        place, x, y = self._data[micro_batch]
        tell = self.tell
        if tell is not None:
            y = y + tell(["forward", place])
        loss = (x @ self.weight + self.bias - y).square().sum()
        if tell is not None and loss.requires_grad:
            loss.register_hook(lambda grad: tell(["backward", place]))
        return loss, len(x)


class Ledger:
    """The partner of an accumulated step: writes down which micro-batch ran forward and backward when.

    To forge it, code would have to compute ``loss_sum`` by itself, and tell of steps that it did not take: more work than the
    loop that is asked for.
    """

    def __init__(self, rng: random.Random, secret: random.Random):
        self._secret, self._events = secret, list[list[Any]]()

    def reply(self, message: Any) -> float | None:
        """A shift of the targets for ``["forward", place]``, nothing for ``["backward", place]``."""
        self._events.append(message)
        return self._secret.uniform(-3, 3) if message[0] == "forward" else None

    def settle(self, answer: Any) -> Any:
        return [answer, self._events]


def uneven(rng: random.Random) -> tuple[int, ...]:
    """Token counts that differ many times over."""
    counts = [1, rng.randint(3, 4), rng.randint(8, 10), rng.randint(20, 25)]
    rng.shuffle(counts)
    return tuple(counts)


def returned(value: Any) -> Any:
    """The pair of loss and norm, each of which may be a tensor with one element."""
    return list(value) if isinstance(value, (tuple, list)) else value


def weighs_every_token_alike(accumulated_step, rng):
    given = Regression(rng, uneven(rng))
    accumulated_step(given.loss_sum, given.micro_batches, given.parameters, given.optimizer, 1e6)
    return given.optimizer.seen


def clips_the_whole_gradient(accumulated_step, rng):
    seen = []
    for limit in (rng.uniform(0.2, 0.4), rng.uniform(0.6, 0.9)):
        given = Regression(rng, uneven(rng))
        accumulated_step(given.loss_sum, given.micro_batches, given.parameters, given.optimizer, limit)
        seen.append(given.optimizer.seen)
    return seen


def takes_one_step(accumulated_step, rng):
    given = Regression(rng, (4, 4, 4))  # even counts: only what is done with the gradient matters here
    accumulated_step(given.loss_sum, given.micro_batches, given.parameters, given.optimizer, 1e6)
    return {"steps": len(given.optimizer.seen), "weights": [p.detach() for p in given.parameters]}


def returns_the_loss_per_token(accumulated_step, rng):
    seen = []
    for limit in (1e6, rng.uniform(0.2, 0.6)):
        given = Regression(rng, uneven(rng))
        value = returned(accumulated_step(given.loss_sum, given.micro_batches, given.parameters, given.optimizer, max_norm=limit))
        seen.append(value[0] if isinstance(value, list) and value else None)
    return seen


def returns_the_norm_before_clipping(accumulated_step, rng):
    seen = []
    for limit in (1e6, rng.uniform(0.2, 0.6)):
        given = Regression(rng, uneven(rng))
        value = returned(accumulated_step(given.loss_sum, given.micro_batches, given.parameters, given.optimizer, max_norm=limit))
        seen.append(value[1] if isinstance(value, list) and len(value) == 2 else None)
    return seen


def starts_from_zero(accumulated_step, rng):
    given = Regression(rng, (4, 4, 4))
    for p in given.parameters:
        p.grad = tensor(rng, tuple(p.shape), scale=20)  # left over from whatever ran before
    for _ in range(2):
        accumulated_step(given.loss_sum, given.micro_batches, given.parameters, given.optimizer, 1e6)
    return given.optimizer.seen


def goes_backward_before_the_next_forward(accumulated_step, rng, tell):
    given = Regression(rng, uneven(rng), tell)
    accumulated_step(given.loss_sum, given.micro_batches, given.parameters, given.optimizer, 1e6)
    return given.optimizer.seen


def passes_over_empty_micro_batches(accumulated_step, rng):
    counts = list(uneven(rng))
    counts.insert(
        rng.randrange(len(counts)), 0
    )  # never the last: code that stops there must differ from code that passes over it
    given = Regression(rng, tuple(counts))
    value = accumulated_step(given.loss_sum, given.micro_batches, given.parameters, given.optimizer, 1e6)
    return {"grads": given.optimizer.seen, "returned": returned(value)}


def takes_no_step_without_tokens(accumulated_step, rng):
    given = Regression(rng, (0, 0, 4, 4))
    parts = [given.micro_batches[:2], given.micro_batches[2:]]
    values = [
        returned(accumulated_step(given.loss_sum, part, given.parameters, given.optimizer, rng.uniform(0.2, 0.6)))
        for part in parts
    ]
    return {"without": values[0], "steps": len(given.optimizer.seen), "weights": [p.detach() for p in given.parameters]}


def accepts_generators(accumulated_step, rng):
    given, limit = Regression(rng, (4, 4, 4)), rng.uniform(0.2, 0.6)
    micro_batches, parameters = given.micro_batches, given.parameters
    accumulated_step(given.loss_sum, (m for m in micro_batches), (p for p in parameters), given.optimizer, max_norm=limit)
    accumulated_step(given.loss_sum, micro_batches, parameters, given.optimizer, max_norm=limit)
    return {"grads": given.optimizer.seen, "left": [micro_batches, len(parameters)]}


# 3. checkpointed


class Residual(nn.Module):
    """A residual block with one hidden layer, which is scaled by a factor before its nonlinearity.

    Args:
        rng: draws its weights.
        name: of the block.
        tell: ``Gatekeeper`` is told of each run, and says by what factor.
        hidden: gets a weak reference to the hidden layer of each run.
    """

    def __init__(self, rng: random.Random, name: str, tell: Tell, hidden: list[weakref.ref]):
        super().__init__()
        self.inner, self.outer = nn.Parameter(tensor(rng, (4, 6))), nn.Parameter(tensor(rng, (6, 4)))
        self.name, self.tell, self.hidden = name, tell, hidden

    def forward(self, x: Tensor) -> Tensor:
        factor = torch.tensor(self.tell(["run", self.name]))
        hidden = torch.tanh(factor * (x @ self.inner))
        self.hidden.append(weakref.ref(hidden.untyped_storage()))
        return x + hidden @ self.outer


class Gatekeeper:
    """The partner of a checkpointed stack. It writes down which block ran when, and scales each run's hidden layer by a factor:
    one in the forward pass, another in the backward pass. So the output takes runs in the forward pass, and the gradients take
    runs in the backward pass, each from the input that the block had, whatever the learner's process says of itself."""

    def __init__(self, rng: random.Random, secret: random.Random):
        self.rng, self._secret = rng, secret.random()
        self.events: list[str] = []

    def reply(self, message: Any) -> float | None:
        """The factor for ``["run", name]``, nothing for ``["backward"]``, which says that the backward pass begins."""
        self.events.append(message[-1])
        again = "backward" in self.events
        drawn = random.Random(f"{self._secret} {message[-1]} {again}")
        return drawn.uniform(0.5, 0.8) if again else drawn.uniform(0.1, 0.3)

    def settle(self, answer: Any) -> Any:
        if self.events.count("backward") != 1:
            raise ValueError("the backward pass begins once")
        return self.judge(answer)

    def judge(self, answer: Any) -> Any:
        """From what the probe returned to what is compared."""
        return answer


class Order(Gatekeeper):
    """The same, where the order of the runs is judged too."""

    def judge(self, answer: Any) -> Any:
        return [answer, self.events]


HALVES = (slice(0, 2), slice(2, 4))
"""The columns in which each of two blocks drops elements."""


class Dropped(nn.Module):
    """Drops half of what comes in some columns, and scales the rest by a weight."""

    def __init__(self, rng: random.Random, columns: slice):
        super().__init__()
        self.scale = nn.Parameter(torch.tensor([rng.uniform(1, 2)]))
        self.columns = columns

    def forward(self, x: Tensor) -> Tensor:
        kept = torch.ones(x.shape, dtype=torch.bool)
        kept[:, self.columns] = (torch.rand(x.shape) < 0.5)[:, self.columns]
        return x * self.scale * kept


def stack(rng: random.Random, tell: Tell, depth: int = 3) -> nn.ModuleList:
    return nn.ModuleList(Residual(rng, str(i), tell, []) for i in range(depth))


def gives_the_output_and_its_input_gradient(checkpointed, rng, tell):
    x = tensor(rng, (5, 4)).requires_grad_()
    y = checkpointed(stack(rng, tell), x)
    tell(["backward"])
    (y * tensor(rng, (5, 4))).sum().backward()
    return {"output": y.detach(), "grad": x.grad}


def gives_the_gradients_of_the_parameters(checkpointed, rng, tell):
    blocks = stack(rng, tell)
    y = checkpointed(blocks, tensor(rng, (5, 4)).requires_grad_())
    tell(["backward"])
    (y * tensor(rng, (5, 4))).sum().backward()
    return [p.grad for p in blocks.parameters()]


def trains_blocks_on_plain_data(checkpointed, rng, tell):
    blocks, x = stack(rng, tell), tensor(rng, (5, 4))
    y = checkpointed(blocks, x)
    tell(["backward"])
    (y * tensor(rng, (5, 4))).sum().backward()
    return {"grads": [p.grad for p in blocks.parameters()], "x": x, "requires grad": x.requires_grad}


def adds_to_gradients(checkpointed, rng, tell):
    blocks = stack(rng, tell, depth=2)
    for p in blocks.parameters():
        p.grad = tensor(rng, tuple(p.shape), scale=3)  # from an earlier micro-batch
    inputs = [tensor(rng, (5, 4)).requires_grad_() for _ in range(2)]
    # one block stands in the stack twice, and two passes are under way at once
    outputs = [checkpointed([blocks[0], blocks[1], blocks[0]], x) for x in inputs]
    tell(["backward"])
    for y in outputs:
        (y * tensor(rng, (5, 4))).sum().backward()
    return {"grads": [p.grad for p in blocks.parameters()], "inputs": [x.grad for x in inputs]}


def keeps_no_activations(checkpointed, rng, tell):
    """Whether a tensor is in memory can only be seen here, inside: this is the one check that the process could talk its way
    through."""
    blocks, x = stack(rng, tell, depth=rng.randrange(3, 6)), tensor(rng, (5, 4)).requires_grad_()
    y = checkpointed(blocks, x)
    gc.collect()
    alive = sum(hidden() is not None for block in blocks for hidden in block.hidden)
    tell(["backward"])
    y.sum().backward()
    return {"activations": alive, "output": y.detach(), "grad": x.grad}


def runs_each_block_once_more(checkpointed, rng, tell):
    blocks, x = stack(rng, tell, depth=rng.randrange(3, 6)), tensor(rng, (5, 4)).requires_grad_()
    y = checkpointed(blocks, x)
    tell(["backward"])
    y.sum().backward()
    return x.grad


def random_state() -> str:
    """A fingerprint of torch's random state."""
    return hashlib.sha256(bytes(torch.get_rng_state().tolist())).hexdigest()


def dropping(rng: random.Random) -> tuple[list[Dropped], int]:
    """Two blocks that draw random numbers, and the seed to draw them from."""
    return [Dropped(rng, columns) for columns in HALVES], rng.randrange(2**31)


def drops_the_same_again(checkpointed, rng, tell):
    drops, seed = dropping(rng)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        x = torch.ones(200, 4, requires_grad=True)
        y = checkpointed(drops, x)
        y.sum().backward()
    passed, came_back = (y.detach() != 0).int(), (x.grad != 0).int()
    x = tensor(rng, (5, 4)).requires_grad_()
    y = checkpointed(stack(rng, tell, depth=1), x)
    tell(["backward"])
    y.sum().backward()
    return {"passed": passed, "came back": came_back, "grad": x.grad}


class Masks(Gatekeeper):
    """Which elements a mask keeps may depend on the machine, so the plain stack is run here, where the answer is judged."""

    def judge(self, answer: Any) -> dict[str, Any]:
        drops, seed = dropping(self.rng)
        with torch.random.fork_rng(devices=[]), torch.no_grad():
            torch.manual_seed(seed)
            y = torch.ones(200, 4)
            for drop in drops:
                y = drop(y)
        return {
            "dropped": torch.equal(answer["passed"], (y != 0).int()),
            "the same": [torch.equal(answer["passed"][:, half], answer["came back"][:, half]) for half in HALVES],
            "grad": answer["grad"],
        }


def leaves_the_random_state_alone(checkpointed, rng, tell):
    drops, seed = dropping(rng)
    blocks, x = [drops[0], *stack(rng, tell, depth=1), drops[1]], torch.ones(5, 4, requires_grad=True)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        y = checkpointed(blocks, x)
        states = [random_state()]
        tell(["backward"])
        y.sum().backward()
        states.append(random_state())
    return states


class States(Gatekeeper):
    """Compares with the random states of the plain stack, run here."""

    def judge(self, answer: Any) -> dict[str, bool]:
        drops, seed = dropping(self.rng)
        forward, backward = answer
        with torch.random.fork_rng(devices=[]), torch.no_grad():
            torch.manual_seed(seed)
            start, y = random_state(), torch.ones(5, 4)
            for drop in drops:
                y = drop(y)
            expected = random_state()
        return {
            "forward draws": start != forward,
            "draws as the blocks do": forward == expected,
            "backward draws nothing": forward == backward,
            "runs again": self.events[-1:] == ["0"] and "backward" in self.events,
        }


# 4. adamw_run


def short(rng: random.Random, **changes: Any) -> RunConfig:
    return SMALL.replace(**{"seed": rng.randrange(10**6), "steps": 10, "warmup_steps": 5, "batch_size": 4, **changes})


def logged(run: Any, *columns: str) -> Any:
    """Columns of a run's log, if it is a run."""
    return {column: run.column(column) for column in columns} if isinstance(run, Run) else "no run"


def trains_with_your_step(adamw_run, rng):
    config = short(rng, lr=rng.uniform(5e-3, 1e-2), weight_decay=0.0)
    # the second run begins anew: nothing is left of the first one's moments
    return [logged(adamw_run(config.replace(steps=steps)), "loss", "lr") for steps in (6, 10)]


def passes_on_betas_and_eps(adamw_run, rng):
    betas = (rng.uniform(0.3, 0.6), rng.uniform(0.6, 0.8))
    return logged(adamw_run(short(rng, lr=1e-2, weight_decay=0.0, betas=betas, eps=rng.uniform(1e-3, 3e-3))), "loss")


def decays_matrices_only(adamw_run, rng):
    # a decay far above any in use, so that it shows within ten steps
    run = adamw_run(short(rng, lr=1e-2, weight_decay=rng.uniform(8, 12), warmup_steps=0))
    return logged(run, "loss", "update_ratio")


def leaves_the_settings_alone(adamw_run, rng):
    run = adamw_run(
        short(rng, steps=rng.randrange(4, 7), warmup_steps=rng.randrange(1, 4), lr=rng.uniform(1e-3, 3e-3), batch_size=2)
    )
    if not isinstance(run, Run):
        return "no run"
    return {name: run.config[name] for name in ("lr", "optimizer", "warmup_steps", "steps", "batch_size", "seed", "clip_norm")}


QUESTIONS = {
    "adamw_step": Question(
        target="adamw_step",
        ruled_out=TORCH_ADAM,
        probes=(
            Probe(
                takes_a_first_step,
                "After one step from an empty state, with the default settings, the parameter is not what the formulas give.",
            ),
            Probe(
                takes_several_steps,
                (
                    "Over several steps without decay the parameter must follow both moving averages, each with its own bias "
                    "correction."
                ),
            ),
            Probe(
                decays_without_a_gradient,
                (
                    "A zero gradient from the start leaves only the decay: each step multiplies the parameter by 1 - lr * "
                    "weight_decay."
                ),
            ),
            Probe(
                decays_whatever_the_gradient,
                (
                    "Multiplying all gradients by a factor must hardly change the result: Adam divides it out, and the decay "
                    "never sees the gradient."
                ),
            ),
            Probe(
                puts_eps_outside_the_root,
                "With gradients as small as eps its place matters: it is added to the root of the corrected second moment.",
            ),
            Probe(
                follows_its_arguments,
                (
                    "lr, betas, eps and weight_decay are those of this call, and lr may differ from the one before; decay and "
                    "step both use it."
                ),
            ),
            Probe(
                keeps_a_state_for_each_parameter,
                (
                    'After a step state must hold "step" (the number of steps taken), "exp_avg" and "exp_avg_sq" (both '
                    "uncorrected), for each parameter its own."
                ),
            ),
            Probe(
                takes_a_parameter_and_leaves_its_gradient,
                (
                    "An nn.Parameter of any shape or layout must be changed in place, without autograd watching, and its .grad "
                    "must stay as it was."
                ),
            ),
        ),
    ),
    "accumulated_step": Question(
        target="accumulated_step",
        probes=(
            Probe(
                weighs_every_token_alike,
                "At the optimizer's step the gradients must be those of the mean over all tokens of all micro-batches.",
            ),
            Probe(
                clips_the_whole_gradient,
                (
                    "Clip once, to max_norm, the gradient of the mean over all tokens: after the last micro-batch and after "
                    "dividing."
                ),
            ),
            Probe(takes_one_step, "All micro-batches together make one call of optimizer.step()."),
            Probe(
                returns_the_loss_per_token,
                "The first thing to return is the mean loss per token: all sums over all tokens.",
            ),
            Probe(
                returns_the_norm_before_clipping,
                (
                    "The second thing to return is the global norm from before clipping, of the gradient of the mean over all "
                    "tokens."
                ),
            ),
            Probe(starts_from_zero, "Gradients left over from an earlier step must not take part in this one."),
            Probe(
                goes_backward_before_the_next_forward,
                (
                    "Call loss_sum once per micro-batch, and go backward before the next call: otherwise every micro-batch's "
                    "graph stays in memory."
                ),
                partner=Ledger,
            ),
            Probe(
                passes_over_empty_micro_batches,
                "A micro-batch of 0 tokens adds nothing: gradients, loss and norm must be finite, and those of the others.",
            ),
            Probe(
                takes_no_step_without_tokens,
                "If no micro-batch holds a token, take no step and return (0.0, 0.0); the next call goes on as usual.",
            ),
            Probe(
                accepts_generators,
                (
                    "micro_batches and parameters may be generators, which can be walked through only once, or lists, which stay "
                    "as they are."
                ),
            ),
        ),
    ),
    "checkpointed": Question(
        target="checkpointed",
        ruled_out=TORCH_CHECKPOINT,
        probes=(
            Probe(
                gives_the_output_and_its_input_gradient,
                (
                    "Output and x.grad must be those of running the blocks one after another, each block run again in the "
                    "backward pass, from the input it had."
                ),
                rtol=1e-3,
                partner=Gatekeeper,
            ),
            Probe(
                gives_the_gradients_of_the_parameters,
                (
                    "The parameters of all blocks must get the gradients they get without checkpointing, each from its block run "
                    "again in the backward pass, from the input it had."
                ),
                rtol=1e-3,
                partner=Gatekeeper,
            ),
            Probe(
                trains_blocks_on_plain_data,
                "When x itself requires no gradient, as plain data, the blocks' parameters must get theirs all the same.",
                rtol=1e-3,
                partner=Gatekeeper,
            ),
            Probe(
                adds_to_gradients,
                (
                    "Gradients add up, as in any backward pass: to what .grad holds already, over the places of a block that is "
                    "used twice, and over two forward passes before their backward passes."
                ),
                rtol=1e-3,
                partner=Gatekeeper,
            ),
            Probe(
                keeps_no_activations,
                (
                    "After the forward pass no tensor from inside a block may be in memory: keep each block's input and nothing "
                    "else."
                ),
                rtol=1e-3,
                partner=Gatekeeper,
            ),
            Probe(
                runs_each_block_once_more,
                "Each block must run once in the forward pass and once in the backward pass, where the last block comes first.",
                rtol=1e-3,
                partner=Order,
            ),
            Probe(
                drops_the_same_again,
                (
                    "A block that draws random numbers must draw the same ones again: put torch's random state back to what it "
                    "was before the block ran."
                ),
                partner=Masks,
            ),
            Probe(
                leaves_the_random_state_alone,
                (
                    "The backward pass must leave torch's random state as it found it, so that what is drawn next does not "
                    "repeat or shift."
                ),
                partner=States,
            ),
        ),
    ),
    "adamw_run": Question(
        target="adamw_run",
        ruled_out=TORCH_ADAM,
        probes=(
            Probe(
                trains_with_your_step,
                (
                    "Each run must be that of its config with your adamw_step in the loop, begun anew; mend adamw_step first if "
                    "its own check fails."
                ),
                rtol=1e-3,
            ),
            Probe(passes_on_betas_and_eps, "betas and eps are those of the config.", rtol=1e-3),
            Probe(
                decays_matrices_only,
                "Tensors with two or more dimensions decay with config.weight_decay, all others with 0.",
                rtol=1e-3,
            ),
            Probe(leaves_the_settings_alone, "Replace the optimizer only, and return the run: the config stays as it is."),
        ),
    ),
    "quiz_decay": quiz("answer_decay"),
    "quiz_accumulation": quiz("answer_accumulation"),
    "quiz_clip": quiz("answer_clip"),
    "quiz_checkpointing": quiz("answer_checkpointing"),
}
