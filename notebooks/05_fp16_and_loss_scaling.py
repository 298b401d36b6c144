# %% [markdown]
# # 05 · fp16 underflow and loss scaling
#
# **On trial:** the popular claim that fp16 holds numbers from about 5e-8 to 65504, that smaller gradients vanish and learning
# stops, and that a loss scale of 1024 cures it.
#
# **You will be able to** say which numbers fp16 loses at either end, predict where in a network gradients vanish and from which
# size on, explain why Adam does not heal that, choose and check a loss scale, and decide what may be kept in 16 bits and what may
# not.
#
# **Time** about 55 minutes. **You need** lessons 00 and 01, and what a softmax and a cross-entropy are.

# %% [markdown]
# ## The question
#
# The report on OPT-175B says that [its divergences came with the dynamic loss scale falling to
# 0](https://arxiv.org/abs/2205.01068), and that restart points were chosen where the scale was still at least 1.0. A detail of
# the arithmetic told its operators where the run had been healthy. Hence the interview question:
#
# > *"What does loss scaling do, how do you choose the scale, and why is it needed under Adam, which divides the gradient's scale
# > out anyway?"*
#
# The answer that circulates: gradients below about 5e-8 become zero, and learning stops; multiply the loss by 1024. Commit to
# yours.

# %%
from stabilitylab import predictions

predictions.predict(
    "05-divided",
    (
        "A small Transformer, Adam, in fp16. The loss is divided by 1024 before the backward pass, and the gradients are "
        "multiplied by 1024 after it, in fp32. What becomes of 100 steps, against fp32?"
    ),
    [
        "Learning stops: the gradients are zero",
        "It reaches NaN",
        "It learns, and ends clearly worse",
        "Nothing: the two factors cancel, and Adam ignores the scale in any case",
    ],
)

# %% [markdown]
# ## Which numbers fp16 can hold
#
# A floating-point number is a fraction times a power of two. fp16 has 5 bits for the exponent and 10 for the fraction; bf16 has 8
# and 7, in the same 16 bits; fp32 has 8 and 23. Move the sliders from left to right. The upper axis shows the ranges of all
# three, the lower one a number and its neighbours in one of them. **Subnormal** numbers, below the smallest exponent, give up
# digits for range.

# %%
from stabilitylab import live, number_line

sizes = (1e-8, 2.0**-25, 3e-8, 5e-8, 1e-7, 1e-6, 2.0**-14, 1e-3, 0.1, 1.0, 1000.3, 65504.0, 65519.0, 65520.0, 1e6)
live.explore(
    number_line.picture,
    value={f"{size:g}" if size != 2.0**-25 else "2^-25": size for size in sizes},
    dtype=["fp16", "bf16", "fp32"],
)

# %% [markdown]
# Two borders are worth deriving, because the popular ones are a little off.
#
# **The lower end.** The smallest exponent of fp16 is $-14$. Below $2^{-14}$ the spacing stays what it is just above,
# $2^{-14} \cdot 2^{-10} = 2^{-24}$, so that subnormals are the multiples $m \cdot 2^{-24}$, and the smallest number above zero is
# $2^{-24} \approx 6.0 \cdot 10^{-8}$. But zero does not begin there: numbers are rounded to the *nearest*. The border is half
# way, at $2^{-25} \approx 3.0\cdot 10^{-8}$. Exactly half way, IEEE rounding takes the neighbour whose last bit is 0 (*ties to
# even*), here zero itself. So 3e-8 survives, at twice its size.
#
# **The upper end.** The largest number is $(2 - 2^{-10}) \cdot 2^{15} = 65504$, and the spacing there is
# $2^{15} \cdot 2^{-10} = 32$. The next would be $2^{16} = 65536$, so the border is $65504 + 16 = 65520$. The last bit of 65504 is
# 1, so the tie goes up: to inf.

# %%
import torch


def half(x):
    return torch.tensor(x, dtype=torch.float64).half().item()


assert half(2.0**-24) == 2.0**-14 * 2.0**-10 and half(2.0**-25) == 0
for x in (3e-8, 6e-8, 1e-5, 65504 + 15, 65504 + 16):
    print(f"{x:>10.6g} becomes {half(x):<10.6g} relative error {abs(half(x) - x) / x:.2%}")
for name in ("fp16", "bf16", "fp32"):
    ends = number_line.limits(name)
    print(
        f"{name}: zero up to {ends.flush:.3g}, full precision from {ends.normal:.3g}, inf from {ends.overflow:.6g}, "
        f"{ends.digits} bits"
    )

# %% [markdown]
# Between the ends lies a slope and not a cliff. From 6.1e-5 up the relative error is at most
# [0.000488](../docs/experiments.md#fp16-limits); near 1.2e-7 it is up to a fifth. bf16 has fp32's range, and from 6.1e-5 up its
# rounding is 8 times as coarse as fp16's.
#
# ## Trial 1: a loss divided by 1024
#
# Gradients become small for many reasons. A clean one: a batch too large for memory is split into K *micro-batches*, each one's
# loss is divided by K, and the gradients are added up. Every backward pass then works on numbers K times smaller. Here one
# micro-batch stands for all: the loss is divided by K = 1024, and the gradient is multiplied by K in fp32, which is the sum of K
# equal gradients. In exact arithmetic nothing has happened.
#
# Half precision is done as on a GPU's tensor cores: inputs and outputs of every matrix product are rounded; the sums inside,
# norms, softmax, weights and Adam are fp32. **Flushed to zero** is the share of weight gradients that are exactly zero. Run it,
# press **Pin**, then try **loss scale** 2^5 and 2^10, and **precision** bf16.

# %%
from stabilitylab import Trainer, experiments
from stabilitylab.experiments.precision.fp16_underflow import FP16, FP32, one_of

panel = live.panel(
    FP16,
    controls=["dtype", "loss_scale", "lr", "steps", "seed"],
    curves=("loss", "flushed_fraction", "grad_norm"),
    trainer=lambda config: Trainer(config, **one_of(1024)(config)),
)

# %%
from stabilitylab import evidence, plots

underflow = experiments.get("fp16-underflow")
recorded = evidence.recorded("fp16-underflow")
groups = {
    "fp32": recorded["fp32"],
    "fp16, K = 1024, seed 0, just now": [underflow.run("fp16", seed=0)],
    "fp16, K = 1024, seeds 1-4": recorded["fp16"][1:],
    "fp16, K = 4096": recorded["fp16-4096"],
}
colors = (plots.BLUE, plots.BLACK, plots.ORANGE, plots.VERMILION)
plots.panels(groups, ("loss", "flushed_fraction"), "A divided loss in fp16, no loss scaling (means of 5 steps)", colors, smooth=5)

# %% [markdown]
# The fp16 runs fall nearly as fast as fp32 at first, and then most of them stay near the unigram line. (One seed flushes only
# about a third, and gets away cheaply.) With K = 4096 it is worse than standing still: the loss falls, turns round and rises.
# (Triangles mark a run's first jump by more than 1 nat, before averaging.)
#
# Now twenty fresh seeds, each compared with fp32 on the same seed, and three arms in which the effect must be absent: the loss
# scaled by 1024, bf16, and the whole batch at once (K = 1).

# %%
from stabilitylab.experiments import FRESH_SEEDS


def fresh(name, figure):
    by_seed = evidence.load(name).quantities[figure]
    return [by_seed[seed] for seed in FRESH_SEEDS]


arms = {"fp16": "fp16-gap", "fp16, scaled by 1024": "scaled-gap", "bf16": "bf16-gap", "fp16, K = 1": "whole-gap"}
gaps = {label: fresh("fp16-underflow", figure) for label, figure in arms.items()}
for label, values in gaps.items():
    print(f"{label:22} above fp32: {evidence.spread(values, 'nats')}")
plots.dots({"end": gaps}, "nats above fp32, same seed", "K = 1024: what fp16 costs, and three controls, 20 seeds", {"fp32": 0})

# %% [markdown]
# Gradients vanish: 0.284 of the weight gradients in the first ten steps, 0.817 (0.667 to 0.953) in the last ten. It costs 0.549
# nat (0.433 to 0.877). And vanishing gradients do **not** stop the learning: in 20 of 20 seeds the loss still falls by more than
# 1.5 nats, before most runs level off near the unigram line. The three controls end within 0.01 nat of fp32 in every seed. (Two
# rows are identical: 1024 / 1024 is K = 1.)
#
# Why can a run learn at all with so little of its gradient, and then turn *round*?
#
# ## Where the gradient dies
#
# The backward pass begins at the logits. For one token with target $y$ and predicted probabilities $p$, in a mean over $N$ tokens
# divided by $K$,
#
# $$\frac{\partial L}{\partial z_i} = \frac{p_i - [i = y]}{N K},
# \qquad\text{which fp16 flushes for}\quad i \ne y \quad\text{if}\quad p_i \le N K \cdot 2^{-25}.$$
#
# Here N is 8 rows of 32 bytes, 256 tokens. At K = 1024 that makes $2^8 \cdot 2^{10} \cdot 2^{-25} = 2^{-7} = 1/128$: **every byte
# to which the model gives at most one part in 128 sends back exactly nothing.** Check it on a model after 60 steps in fp32:

# %%
from stabilitylab.experiments.precision.flush_by_layer import gradients

trained = Trainer(FP32.replace(steps=60, seed=0))
for _ in trained.steps():
    pass
exact = gradients(trained, "fp32", 1.0)
p = trained.logits(trained.batches(60)[0]).softmax(dim=1)
for K in (1, 64, 1024, 4096):
    kept = gradients(trained, "fp16", 1 / K)["logits"]
    up, down = ((kept * sign).clamp(min=0).sum() / (exact["logits"] * sign).clamp(min=0).sum() for sign in (-1, 1))
    print(f"K = {K:4}  border {256 * K * 2.0**-25:.1e}  predicted zeros {(p <= 256 * K * 2.0**-25).float().mean():.3f}  ", end="")
    print(f"found {(kept == 0).float().mean():.3f}  left of the push up {up:.3f}, down {down:.3f}")
above = 1 / (8192 * 2.0**-25)
print(
    f"8192 tokens, K = 1: border {1 / above:.1e}, at most {above:.0f} tokens above it, {above / 32000:.1%} of a vocabulary "
    "of 32,000"
)

# %% [markdown]
# The formula gives the share to about a thousandth. Over twenty seeds, at K = 1024, a median of [0.917 of dL/dlogits is
# flushed](../docs/experiments.md#flush-by-layer), 0.83 of the output head's weight gradient, which is made from it, 0.178 of the
# last block's and 0.0276 of the first one's. Gradients die at the logits first, and worst where the model has become sure of
# itself.
#
# Now the last two columns. Each row of the gradient holds one large negative entry, which pushes the right byte *up*, and 255
# small positive ones, which push all others *down*. In exact arithmetic they sum to zero. Only small ones die. So the error has a
# direction: unlikely bytes are no longer pushed down.
#
# Is that the harm? Take K = 4096, train in fp32, and round only dL/dlogits, as fp16 would: to the nearest. As the control, round
# it to the same multiples of $2^{-24}$ *at random*, up or down with the odds that make the mean right. Nearly all of it is zero
# either way.


# %%
class RoundedLogits(Trainer):
    """Trains in fp32; only the gradient of the logits is rounded."""

    def __init__(self, config, rounding, K):
        super().__init__(config)
        self.rounding, self.K, self.zeros = rounding, K, 0.0

    def logits(self, inputs):
        logits = super().logits(inputs)
        logits.register_hook(self.round)
        return logits

    def round(self, gradient):
        rounded = self.rounding(gradient / self.K) * self.K
        self.zeros = (rounded == 0).float().mean().item()  # of the last step, in the end
        return rounded


def nearest(g):
    return g.half().float()


def at_random(g):
    return torch.floor(g * 2.0**24 + torch.rand(g.shape)) * 2.0**-24


# %%
from stabilitylab.experiments.observables import end

torch.manual_seed(0)
curves = {"all of fp16, recorded": recorded["fp16-4096"], "dL/dlogits, to nearest": [], "dL/dlogits, at random": []}
jobs = [("dL/dlogits, to nearest", nearest, seed) for seed in range(5)] + [
    ("dL/dlogits, at random", at_random, seed) for seed in range(5)
]
zeros = {}
for label, rounding, seed in live.track(jobs, "Training ten models"):
    trainer = RoundedLogits(FP32.replace(seed=seed), rounding, K=4096)
    curves[label].append(trainer.result(list(trainer.steps())))
    zeros.setdefault(label, []).append(trainer.zeros)
for label, shares in zeros.items():
    above = [end(a) - end(b) for a, b in zip(curves[label], recorded["fp32"])]
    rise = [end(run) - min(sum(run.column("loss")[i : i + 10]) / 10 for i in range(90)) for run in curves[label]]
    print(f"{label}: zeros at the end {evidence.spread(shares)}, above fp32 {evidence.spread(above, 'nats')}")
    print(f"    end above the lowest ten steps of the run: {evidence.spread(rise, 'nats')}")
colors = (plots.VERMILION, plots.ORANGE, plots.GREEN, plots.BLUE)
title = "K = 4096: the zeros, or the direction of the error? 5 seeds (means of 5 steps)"
plots.panels(curves | {"fp32, recorded": recorded["fp32"]}, ("loss",), title, colors, smooth=5)

# %%
whole = [end(a) - end(b) for a, b in zip(recorded["fp16"], recorded["fp32"])]
part = []
for seed in live.track(range(5), "Five models at K = 1024"):
    trainer = RoundedLogits(FP32.replace(seed=seed), nearest, K=1024)
    part.append(end(trainer.result(list(trainer.steps()))) - end(recorded["fp32"][seed]))
print("K = 1024, above fp32, seeds 0-4:  all of fp16", evidence.spread(whole), "  only dL/dlogits", evidence.spread(part))

# %% [markdown]
# Rounding this one tensor to the nearest is enough to make the loss turn round. Rounding it at random, with as many zeros, leaves
# curves that lie on those of fp32. So at the logits it is **not the number of zeros that hurts, it is the bias**: an error that
# points the same way at every step adds up, and one that averages out does not. (At K = 1024 the logits alone make up only part
# of the damage, as the last cell shows. The rest needs the rounding of gradients further down, left alone here.)
#
# ### Why Adam does not heal it
#
# Adam divides the gradient's size out, so a *uniform* factor is harmless. Flushing is no uniform factor. It is 0 for some
# elements and 1 for the others, and 0 divided by anything is 0:

# %%
g = torch.tensor([3e-3, 3e-4, 3e-5, 1e-5])
for name, seen in {"fp32": g / 1024 * 1024, "fp16": (g / 1024).half().float() * 1024}.items():
    weights = torch.nn.Parameter(torch.zeros(4))
    weights.grad = seen
    torch.optim.Adam([weights], lr=1e-2).step()
    print(name, "steps in units of the learning rate:", (weights.data / 1e-2).abs().numpy().round(3))

# %% [markdown]
# Adam gives a small, steady gradient the same step as a large one. A flushed element costs it a step of full size, and SGD hardly
# anything.
#
# ## The cure: multiply the loss
#
# The backward pass is linear in the loss: $\nabla(S \cdot L) = S \cdot \nabla L$. So scale the loss by $S$ before `backward`, and
# every gradient on the way is $S$ times larger; divide by $S$ afterwards, in fp32. If $S$ is a power of two, both are exact: only
# exponents change. By hand it is three lines. PyTorch's `GradScaler` does the same:


# %%
def backward(scale_and_backward):
    trainer = Trainer(FP16.replace(seed=0))
    scale_and_backward(trainer.loss(*trainer.batches(0)) / 1024, trainer)
    return [p.grad for p in trainer.model.blocks.parameters()] + [trainer.model.head.weight.grad]


def by_hand(loss, trainer, S=1024.0):
    (loss * S).backward()
    for p in trainer.parameters:
        p.grad /= S


def with_torch(loss, trainer):
    scaler = torch.amp.GradScaler("cpu", init_scale=1024.0)
    scaler.scale(loss).backward()
    scaler.unscale_(torch.optim.SGD(trainer.parameters, lr=0.1))


mine, theirs, none = backward(by_hand), backward(with_torch), backward(lambda loss, trainer: loss.backward())
print("the same in every bit:", all(torch.equal(a, b) for a, b in zip(mine, theirs)))
for name, grads in (("unscaled", none), ("scaled", mine)):
    print(f"{name:9} zeros: {sum(int((g == 0).sum()) for g in grads) / sum(g.numel() for g in grads):.4f}")

# %% [markdown]
# These are the fp32 gradients of the model above, divided by K = 1024. Move the loss scale: when does the left edge of the crowd
# come out of the zeros, and when does the right edge reach inf?

# %%
crowd = {
    "dL/dlogits": exact["logits"] / 1024,
    "weights of the head": exact["head.weight"] / 1024,
    "weights of the blocks": torch.cat([g.flatten() for name, g in exact.items() if "blocks" in name and g.ndim == 2]) / 1024,
}
live.explore(
    lambda loss_scale: number_line.crowd(crowd, loss_scale, title=f"Gradients at K = 1024, loss scale {loss_scale:g}"),
    loss_scale={f"2^{power}": 2.0**power for power in range(0, 33, 2)},
)

# %% [markdown]
# ## Trial 2: how large a scale?
#
# The crowd is narrower than fp16's range, so that many scales will do, but not all.

# %%
predictions.predict(
    "05-high",
    "K = 1, a run that needs no scale at all. You set a static loss scale of 2^24, to be safe. What happens?",
    [
        "Nothing: the scale is divided out again",
        "inf or NaN reaches the weights at the first step",
        "It trains more slowly",
        "It works for a while, and fails when the gradients grow",
    ],
)

# %% [markdown]
# A scaled gradient must stay below the upper border: $S \cdot \max|g| < 65520$. A **static** scale is a guess about $\max|g|$,
# for the whole run in advance. A **dynamic** scale starts too high on purpose and looks: if any gradient is inf or NaN, it *skips
# the update* and halves the scale; after a number of good steps in a row (2000 in PyTorch) it doubles it. The formula then
# predicts how many steps it skips at the start. Skipped steps change the batch and not the weights, so fp32 gradients of the
# untrained model are all we need:

# %%
scaling = evidence.recorded("loss-scaling")
for seed in live.track(range(5), "Five models"):
    untrained, scaled = Trainer(FP32.replace(seed=seed)), []
    matrices = [m.weight for m in untrained.model.modules() if isinstance(m, torch.nn.Linear)]
    for skips in range(24):
        untrained.model.zero_grad()
        untrained.loss(*untrained.batches(skips)).backward()
        scaled.append(2.0 ** (24 - skips) * max(w.grad.abs().max().item() for w in matrices))
        if scaled[-1] < 65520:
            break
    found = [record.skipped for record in scaling["dynamic"][seed].records].index(False)
    print(f"seed {seed}  largest scaled gradient, last two batches: {scaled[-2]:7,.0f} {scaled[-1]:6,.0f}  ", end="")
    print(f"predicted skips from 2^24: {skips}  recorded: {found}")

# %%
dynamic = experiments.get("loss-scaling").run("dynamic", seed=0)
groups = {
    "K = 1, dynamic, just now": [dynamic],
    "K = 1, dynamic, seeds 1-4": scaling["dynamic"][1:],
    "K = 2^20, static 1024": scaling["static-far"],
    "K = 2^20, dynamic": scaling["dynamic-far"],
}
colors = (plots.BLACK, plots.GREEN, plots.VERMILION, plots.BLUE)
plots.panels(groups, ("loss", "loss_scale"), "Static 1024 against a dynamic scale from 2^24 (means of 4 steps)", colors, smooth=4)

# %%
figures = experiments.get("loss-scaling").quantities
for key in ("static-gap", "static-far-gap", "dynamic-far-gap", "dynamic-gap", "skips", "settles-at", "nonfinite-high"):
    print(f"{figures[key].states:70} {evidence.spread(fresh('loss-scaling', key), figures[key].unit)}")

# %% [markdown]
# (Twenty fresh seeds. K = 2^20 stands for whatever makes gradients small.) A scale of 1024 moves the border by that factor and no
# further. It cures K = 1024. At K = 2^20 what is left is the illness of trial 1, and the runs end 0.471 nat above fp32. The
# static 2^24 puts inf or NaN into a tenth of the first gradient (median; 0.0484 to 0.414), and applies it, in 20 of 20 seeds. At
# K = 2^20 a scale of 2^24 fits from the first step on; at K = 1 the dynamic scale comes down, pays with 7 or 8 skipped steps (the
# first 5 to 7 in a row), and settles at 2^16 or 2^17.
#
# A few skips at the start are healthy: the scaler is looking for the border. The scale is also a *measurement*, because it
# follows the largest gradient. What a scale says that falls step after step, you will work out in the assignment.
#
# ## Too large elsewhere
#
# Loss scaling acts on the backward pass alone. inf can also come from the forward pass, or from a global norm that you compute in
# fp16:

# %%
grads = torch.full((1000,), 10.0, dtype=torch.float16)
norm = grads.square().sum().sqrt()
clipped = grads * (1.0 / (norm + 1e-6)).clamp(max=1.0)
print("in fp16: norm", norm.item(), " largest element after clipping at 1.0:", clipped.max().item())
print(f"in fp32: norm {grads.float().square().sum().sqrt().item():.1f}")

# %% [markdown]
# A norm of 316 is harmless, its square, 100,000, is not. Dividing by inf leaves exact zeros: no NaN, no message, a run that
# stands still. [PyTorch's own clipping does it too](../docs/experiments.md#fp16-overflow) if it is handed fp16 gradients whose
# norm is 100,000. In attention, take random queries and keys made large on purpose. If the queries are divided by the root of the
# head width *before* the product, no logit is infinite; if the product is divided *after* it, 0.0231 of the logits are. One
# infinite logit makes a NaN of its whole softmax row, so that 0.508 of the attention weights are NaN. Keep norms, losses and
# softmax in fp32.
#
# **Unscale before you clip.** A limit of 1.0 on gradients that still carry the scale is really a limit of 1.0 / scale.

# %%
order = experiments.get("unscale-order").quantities
for key in ("sgd-fall", "sgd-wrong-fall", "adam-gap"):
    print(f"{order[key].states:50} {evidence.spread(fresh('unscale-order', key), order[key].unit)}")

# %% [markdown]
# With a scale of 2^15, SGD stands still in the wrong order. Adam divides the factor out and *hides* the mistake; what you see is
# a logged norm 2^15 times too large and clipping that fires on every step. The order is **scale, backward, unscale, clip, step,
# update the scale**.
#
# ## Trial 3: updates too small for their weights
#
# bf16 has fp32's range, so gradients are not flushed there. Now store the *weights* in bf16 too.

# %%
predictions.predict(
    "05-swallowed",
    (
        "Plain SGD at a learning rate of 0.02, weights stored in bf16. Of the weights that have a gradient, what share does one "
        "update leave exactly as it was?"
    ),
    ["Under 1%", "About a tenth", "About half", "About nine tenths"],
)

# %% [markdown]
# A weight $w$ with $2^e \le |w| < 2^{e+1}$, stored with $b$ significant bits, has neighbours at a distance of $2^{e-b+1}$. An
# update $\Delta$ below half of that, $2^{e-b}$, is rounded away. Since $|w| < 2^{e+1}$, it is *always* lost if
#
# $$|\Delta| < 2^{-(b+1)}\,|w|,$$
#
# one part in 512 for bf16 ($b = 8$), in 4096 for fp16 ($b = 11$). Nothing underflows: both numbers are well within range. It is
# their sum that needs too many digits, every time anew.

# %%
from stabilitylab.experiments.precision.swallowed_updates import round_at_random

for weight in (1.0, 1.99):
    first_to_act = next(
        n for n in range(512, 1, -1) if torch.tensor(weight).bfloat16() + weight / n > torch.tensor(weight).bfloat16()
    )
    print(f"bf16 weight {weight}: the smallest update that acts is 1/{first_to_act} of it")
many = torch.full((1_000_000,), 1.001)
print("1.001 to nearest:", many.bfloat16().unique().tolist())
print(f"1.001 at random, mean of a million: {round_at_random(many, torch.Generator().manual_seed(0)).double().mean():.4f}")
numbers = torch.arange(0x0080, 0x7F80, dtype=torch.int16).view(torch.bfloat16)  # all positive ones, but for subnormals
print(f"bf16 numbers that come out of a product with 0.999 as they were: {(numbers * 0.999 == numbers).float().mean():.0%}")

# %%
swallowed = evidence.recorded("swallowed-updates")
for key, figure in experiments.get("swallowed-updates").quantities.items():
    print(f"{figure.states:52} {evidence.spread(fresh('swallowed-updates', key), figure.unit)}")
groups = {
    "bf16 weights, seed 0, just now": [experiments.get("swallowed-updates").run("bf16", seed=0)],
    "bf16 weights, seeds 1-4": swallowed["bf16"][1:],
    "fp32 master weights": swallowed["master"],
    "bf16, rounded at random": swallowed["stochastic"],
}
colors = (plots.BLACK, plots.VERMILION, plots.BLUE, plots.GREEN)
plots.panels(groups, ("loss", "update_ratio"), "SGD 0.02 with weights in bf16 (means of 5 steps)", colors, smooth=5)

# %% [markdown]
# The share is 0.893 (0.857 to 0.904), and after 100 steps the bf16 weights are 0.319 nat behind. The update-to-parameter ratio
# does not show it: it is about that of the master weights. There are two cures, whose losses lie on top of each other. **Master
# weights**: keep an fp32 copy, let the optimizer update that one, and round it anew for each pass; small updates then add up
# until they count. Or **stochastic rounding**, which needs no copy ([Zamirai et al.](https://arxiv.org/abs/2010.06192)): each
# small update is either lost or enlarged (hence the high ratio), and right on average.
#
# This depends on the size of the updates. Momentum 0.9, or a rate of 0.1, shrank the gap [to about
# 0.02](../docs/experiments.md#swallowed-updates); and Adam's updates are as large as its learning rate wherever the gradient is
# steady. In fp16, Adam's own state breaks first, as in lesson 01: epsilon 1e-8 and the second moment underflow, and make NaN at
# the first update.
#
# **bf16's trade**, then: it buys range with digits. No loss scale, no skipped steps, no overflow at 65504; in return 8
# significant bits in place of 11. Activations and gradients bear that here: with fp32 weights, bf16 ends within 0.005 nat of
# fp32. The weights of this trial do not. Nor would Adam's second moment at a beta2 of 0.999: no bf16 number times 0.999 gets
# smaller, as printed above, so that it could never fall. Keep both in fp32.

# %% [markdown]
# ## The verdict

# %%
from stabilitylab import ledger

ledger.verdicts("C8", "C9")

# %% [markdown]
# **C8** is false at two points. Its range is about right, but the border of zero is 2^-25, half of the smallest number, and
# precision is lost from 6.1e-5 down, long before. And learning does not stop there: it gets worse, at the logits because the
# error is biased. **C9** holds where gradients are at most about 1024 times too small. Nobody knows that in advance, hence the
# dynamic scale; and more is not better: a static 2^24 breaks the first step.
#
# ### What this does not show
#
# - **That fp16 always needs a scale.** At K = 1 this model needs none. [Six image classifiers matched fp32 without
#   one](https://arxiv.org/abs/1710.03740), too. The border depends on tokens per micro-batch, on K, and on how sure the model is.
# - **Growth of the dynamic scale.** It would double after 2000 good steps; our runs are shorter.
# - **Real micro-batches.** Here K equal ones stand for K different ones, whose errors might partly cancel; a bias that all of
#   them share would not.
# - **A whole GPU.** The rounding is that of tensor cores, computed on a CPU. Fused attention kernels keep their logits in fp32
#   and do not have the attention overflow.
# - **That bias explains all of the damage.** The test with random rounding covers one tensor and five seeds.
#
# **At 7B parameters** the lower border moves towards you. One micro-batch of 8192 tokens puts it at a probability of 2.4e-4, even
# at K = 1. Probabilities sum to 1, so that at most 4096 tokens can lie above it, 12.8% of a vocabulary of 32,000. All the others,
# except the right one, would send back zero at every step without a scale. (Arithmetic, not an experiment.) The [notes on
# BLOOM](https://github.com/stas00/ml-engineering) put failed runs of a 104B model down to fp16 and poor data above all. The 176B
# model used bf16, but also cleaner data and an embedding norm, so that the share of the precision is not isolated.

# %% [markdown]
# ## What you predicted

# %%
predictions.review(
    "05-divided",
    (
        "It learned and ended clearly worse: 0.549 nat above fp32 (0.433 to 0.877, twenty seeds), after falling by more than "
        "1.5 nats."
    ),
    outcome="It learns, and ends clearly worse",
)
predictions.review(
    "05-high",
    "inf or NaN in the very first gradient, in 20 of 20 seeds; a static scale does not skip the step.",
    outcome="inf or NaN reaches the weights at the first step",
)
predictions.review(
    "05-swallowed",
    "About nine tenths: 0.893 (0.857 to 0.904) of the weights did not move; in fp32 under 1%.",
    outcome="About nine tenths",
)

# %% [markdown]
# ## In the interview, in three sentences
#
# > "fp16 rounds everything up to 2^-25 to zero and everything from 65520 on to inf, so I multiply the loss by a scale that lifts
# > the gradients away from the lower border without pushing the largest over the upper one, and unscale in fp32 before I clip.
# > Adam does not make that unnecessary, because flushing is not a uniform factor: the many small gradients of the logits, which
# > push unlikely tokens down, are lost first, and that bias makes the run worse rather than stopping it. I would use a dynamic
# > scale and log it with its skipped steps, or use bf16 and need no scale, and in either case keep master weights, optimizer
# > state and norms in fp32, since a bf16 weight swallows any update below 1/512 of itself."
#
# ## What to log in your own runs
#
# The loss scale, and the count of skipped steps; the global norm after unscaling and before clipping, computed in fp32; the share
# of exact zeros in the gradient of the head, which goes before the blocks do; the share of inf and NaN; and, if weights are kept
# in 16 bits, the share of them that an update leaves unchanged.
#
# ## Try it yourself
#
# 1. Which probability is the border of zero at K = 1024 and a loss scale of 2^5? Guess from it how small a scale can be and still
#    end with fp32, then try the small scales of the panel on a few seeds, with precision fp32 pinned.
# 2. The border depends on N times K. So K = 256 with `FP16.replace(batch_size=32)` should flush as much of dL/dlogits as K = 1024
#    with 8 rows. Is the loss at the end the same, too? (`train(config, **one_of(256)(config))` from `stabilitylab`, a
#    few seconds.)
# 3. Random rounding of dL/dlogits cost nothing visible at K = 4096. Try `RoundedLogits(..., at_random, K=2**16)`, then `2**20`:
#    how far does being right on average carry a run, and what stops it?
# 4. Kahan summation keeps what rounding dropped in a second bf16 tensor, and adds it to the next update. Write it in place of
#    `StochasticRoundingSGD` (`stabilitylab/experiments/swallowed_updates.py`, ten lines), pass it as `optimizer=`, and compare it
#    with the figure of trial 3.
#
# **Assignment:** [exercises/a3_loss_scaling/a3_loss_scaling.ipynb](../exercises/a3_loss_scaling/a3_loss_scaling.ipynb). You write
# the dynamic scaler and the step around it, and save a run whose gradients are 4096 times too small.

# %% [markdown]
# ## Quiz
#
# Answer from the lesson; every choice has its reason.

# %%
from stabilitylab import quiz

quiz("05")

# %% [markdown]
# ## References
#
# - Micikevicius et al. 2017, *Mixed Precision Training*, [arXiv:1710.03740](https://arxiv.org/abs/1710.03740): master weights,
#   loss scaling, accumulation in fp32.
# - Zamirai et al. 2020, *Revisiting BFloat16 Training*, [arXiv:2010.06192](https://arxiv.org/abs/2010.06192): small updates
#   cancelled by rounding to nearest.
# - Zhang et al. 2022, *OPT: Open Pre-trained Transformer Language Models*, [arXiv:2205.01068](https://arxiv.org/abs/2205.01068),
#   section 2.5.
# - Bekman 2023, *Machine Learning Engineering Open Book*,
#   [github.com/stas00/ml-engineering](https://github.com/stas00/ml-engineering): BLOOM's precision and data.
#
# Next: [06 · Detect and recover](06_detect_and_recover.ipynb).
