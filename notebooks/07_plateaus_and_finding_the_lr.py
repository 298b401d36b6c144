# %% [markdown]
# # 07 · Plateaus, weight decay and finding the learning rate
#
# **On trial:** the popular claim that raising the learning rate is never a fix for a loss that has stopped falling.
#
# **You will be able to** tell four plateaus apart that look alike and need different cures, say which early damage heals and
# which does not, read a learning-rate range test without being fooled by it, and derive why weight decay inside Adam is not the
# weight decay of AdamW.
#
# **Time** about 50 minutes. **You need** lessons 00 and 01, above all the unigram line, the update-to-parameter ratio and the
# input share.

# %% [markdown]
# ## The question
#
# > *"Your loss has been flat for a hundred steps. What do you do with the learning rate?"*
#
# A course page answers with a rule: raising it is *never* the fix. PyTorch ships the opposite habit, `ReduceLROnPlateau`. Both
# look at the curve and reach for the rate. Is the curve enough to decide?
#
# Below are four runs, A to D, each flat at its end. You will see only the shape. Commit before you look.

# %%
from stabilitylab import predictions

predictions.predict(
    "07-flat",
    (
        "Four runs with a flat loss, each for a different reason. In how many of them does a higher learning rate help within "
        "150 steps?"
    ),
    ["In none: raising is never the fix", "In one", "In two or three", "In all: they have run out of steam"],
)

# %% [markdown]
# ## Four flat curves
#
# The next cells train all four, five seeds each. `watch` keeps the records and, every ten steps, two measurements from inside the
# model: the **input share** of lesson 01 and the gradient norm of the **first block** alone. The code says what the four are, so
# do not read it yet.

# %%
from types import SimpleNamespace

from stabilitylab import corpus, experiments, gradient_norm_by_layer, input_share, live

text = corpus.load()
held_out = text.batches(8, 32, seed=0, split="validation")(0).inputs


def watch(trainer, steps):
    """Trains so many steps; keeps the records, and every ten steps (step, input share, gradient norm of the first block)."""
    records, inside = [], []
    for record in trainer.steps():
        records.append(record)
        if len(records) % 10 == 0:
            inside.append((record.step, input_share(trainer.model, held_out), gradient_norm_by_layer(trainer.model)[0]))
        if len(records) == steps:
            return SimpleNamespace(trainer=trainer, records=records, inside=inside)


# %%
from stabilitylab import ModelConfig, RunConfig, Trainer

plateau = experiments.get("plateau")
one_layer = ModelConfig(layers=1, width=32, heads=2, context=32, norm="pre", init="xavier")
small_batches = RunConfig(model=one_layer, lr=5e-2, steps=300, batch_size=4, min_distinct_bytes=4)
made = {
    "A": lambda seed: (plateau.trainer("crawl", seed), 80),
    "B": lambda seed: (plateau.trainer("stuck", seed), 140),
    "C": lambda seed: (plateau.trainer("narrow", seed), 160),
    "D": lambda seed: (Trainer(small_batches.replace(seed=seed)), 200),
}
watched = {name: [] for name in made}
for name, seed in live.track([(name, seed) for seed in range(5) for name in made], "Training twenty models"):
    watched[name].append(watch(*made[name](seed)))

# %%
from statistics import fmean, median

from stabilitylab import plots


def shape(run, last=80, every=10):
    """The end of a loss curve in means of ten steps, about its own mean."""
    losses = [record.loss for record in run.records[-last:]]
    return range(every, last + 1, every), [fmean(losses[i : i + every]) - fmean(losses) for i in range(0, last, every)]


plots.lines(
    {name: [shape(runs[0])] for name, runs in watched.items()},
    "step of the last 80",
    "loss about its own mean (nats)",
    title="Four flat runs, seed 0, without the numbers (means of 10 steps)",
)

# %% [markdown]
# One of these has barely begun to learn, one is stuck, one is too small for the text, and one wants a lower rate. The shapes do
# not say which. So put the numbers back.

# %%
import torch

from stabilitylab import UNIFORM, diagnose

measures = {
    "loss": lambda run: fmean(record.loss for record in run.records[-50:]),
    "global norm": lambda run: median(record.grad_norm for record in run.records[-50:]),
    "update / parameter": lambda run: median(record.update_ratio for record in run.records[-50:]),
    "norm of first block": lambda run: run.inside[-1][2],
    "input share": lambda run: run.inside[-1][1],
}
print(
    f"uniform guess {UNIFORM:.2f}, unigram {text.unigram_entropy:.2f}, bigram {text.bigram_entropy:.2f} nats; lowest to "
    "highest of five seeds"
)
print("   " + "".join(f"{name:>22}" for name in measures))
for name, runs in watched.items():
    seen = [sorted(map(measure, runs)) for measure in measures.values()]
    print(f"{name:3}" + "".join(f"{f'{low[0]:.3g} to {low[-1]:.3g}':>22}" for low in seen))
pairs = torch.tensor([[0.3, 0.1], [0.9, 0.1], [0.1, 0.9]])
normed = torch.nn.functional.layer_norm(pairs, (2,)).round(decimals=2).tolist()
print("LayerNorm of (0.3, 0.1), (0.9, 0.1) and (0.1, 0.9):", normed)

# %% [markdown]
# **A is too cold.** Its loss is near the *uniform* guess: it has not even learned which bytes are common. Its update ratio is the
# lowest by far. This is the crawl, at constant 1e-5: it does fall, too slowly to see.
#
# **B is stuck.** This is the post-LN model at constant 1e-2 of lesson 01, on the unigram line. Its global norm looks healthy. So
# does its update ratio: by the popular rule that a good ratio is about `1e-3`, it would pass inspection. The last two columns do
# not look healthy, though they differ widely between seeds; we come back to that.
#
# **C is too small.** Width 2, pre-LN, with the same loss as B and a similar ratio. It reads its input, as the share shows, and
# has nowhere to put what it reads: LayerNorm keeps of two numbers only which is larger (last line above). Small changes do not
# change that, so its first block gets hardly any gradient, for a reason unlike B's.
#
# **D is too hot for its batch.** One layer at constant 5e-2 with 4 rows per batch. It is at the unigram line or below, reads its
# input, and has the highest update ratio. It hovers; a test below shows what that rate costs.
#
# No single column separates all four. The loss picks out A, and the update ratio A and D. B and C share the line and the ratio.
# Their global norms differ, but neither looks ill; what says that B has stopped reading is its input share.

# %% [markdown]
# ## What frees each of them
#
# First A: five recorded seeds at 1e-5, and the same five raised to 1e-3 at step 100.

# %%
from stabilitylab import evidence

recorded = evidence.recorded("plateau")
plots.panels(
    {"constant 1e-5": recorded["crawl"], "raised to 1e-3 at step 100": recorded["crawl-raised"]},
    ("loss", "grad_norm"),
    title="A: the crawl, left alone and heated, five seeds each (means of 5 steps)",
    smooth=5,
)

# %% [markdown]
# Left alone, the crawl loses [0.06 nat from the third quarter of its run to the last](../docs/experiments.md#plateau); heated, it
# ends more than a nat lower in all twenty fresh seeds, at a median of 3.27 in place of 5.44 (the unigram line: a hundred steps
# buy the byte frequencies and no more). **"Never" is refuted by the plainest plateau there is.**
#
# Now the others. B and C come from the record, twenty fresh seeds each. D is live: each of the five models above is copied at
# step 200 and goes on for 100 steps at the same rate, with the rate going to 0 in a straight line, and at three times the rate;
# its loss is measured on held-out text.


# %%
def branch(trainer, rate, first=200):
    """Held-out loss after 100 more steps from the same checkpoint, at another rate."""
    fork = Trainer(trainer.config, schedule=rate)
    fork.restore(trainer.state())
    for _ in fork.steps(first=first):
        pass
    return fork.validation_loss()


rates = {
    "left alone": lambda step: 5e-2,
    "lower rate": lambda step: 5e-2 * (300 - step) / 100,
    "higher rate": lambda step: 1.5e-1,
}
hovering = {name: [] for name in rates}
for run in live.track(watched["D"], "Fifteen branches of D"):
    for name, rate in rates.items():
        hovering[name].append(branch(run.trainer, rate))


# %%
def fresh(name, figure):
    """A figure of an experiment on the twenty seeds that tuned nothing."""
    by_seed = evidence.load(name).quantities[figure]
    return [by_seed[seed] for seed in experiments.FRESH_SEEDS]


arms = {
    "B alone": "stuck-end",
    "B lower": "stuck-lowered-end",
    "B higher": "stuck-raised-end",
    "B late\nwarmup": "stuck-warmed-end",
    "B early\nwarmup": "warmed-early-end",
    "C alone": "narrow-end",
    "C lower": "narrow-lowered-end",
    "C higher": "narrow-raised-end",
    "C width\n32": "wide-end",
}
ends = {label: fresh("plateau", figure) for label, figure in arms.items()}
ends |= {"D alone": hovering["left alone"], "D to 0": hovering["lower rate"], "D higher": hovering["higher rate"]}
plots.dots(
    {"final loss": ends},
    "loss at the end (nats per byte)",
    title="What frees B and C (twenty recorded seeds) and D (five seeds, just now)",
    references={"unigram": text.unigram_entropy, "bigram": text.bigram_entropy},
)

# %%
gain = [alone - cooled for alone, cooled in zip(hovering["left alone"], hovering["lower rate"])]
harm = [hot - alone for alone, hot in zip(hovering["left alone"], hovering["higher rate"])]
print(
    f"D: with the rate going to 0 lower by {min(gain):.2f} to {max(gain):.2f} nat, at a higher rate higher by "
    f"{min(harm):.2f} to {max(harm):.2f} nat"
)
for name, expectation in plateau.expectations.items():
    held = evidence.load("plateau").held[name]
    print(f"{sum(held[seed] for seed in experiments.FRESH_SEEDS)} of 20 fresh seeds   {expectation.states}")

# %% [markdown]
# **D** gains from a lower rate in all five seeds, in some only a little, and is harmed by a higher one: the opposite of A. (Its
# settings were chosen to make it hover.) **C** is the negative control for every rate: up or down, nothing gains a tenth of a
# nat, while width 32 lowers the loss at once. If no rate moves a plateau, look for a cause other than the present rate.
#
# **B** is the surprise. It got stuck *because* the rate was too high too early, so lowering it should help. It does not: in 17 of
# 20 fresh seeds neither 1e-3 from step 100, nor 3e-2, nor a late warmup from 0 to 1e-2 trains it within 150 to 200 steps. What
# works is to go back: the same peak, warmed up from the *start*, ends below all three rescues in 20 of 20. (Not always well: of
# the five seeds with recorded curves, one warmed run is itself on the plateau at step 250.)
#
# Why is the rate the wrong handle? Look inside the five runs just before the rescues begin, and at how the rescues of the same
# seeds ended.

# %%
rescues = ("stuck-lowered", "stuck-raised", "stuck-warmed")
for seed, run in enumerate(watched["B"]):
    step, share, first_block = run.inside[9]
    held = evidence.load("plateau").held["no-rate-frees-the-stuck"][seed]
    best = min(diagnose(recorded[arm][seed]).final_loss for arm in rescues)
    print(
        (
            f"seed {seed}, step {step}: input share {share:.0e}, norm {run.records[step].grad_norm:.2f}, of the first block "
            f"{first_block:.0e};"
        ),
        end=" ",
    )
    print(f"best rescue {best:.2f} nats, {'all three stuck' if held else 'one of them frees it'}")

# %% [markdown]
# In three of the five, the first block receives a gradient of about 5e-4 or less, while the global norm looks healthy; none of
# these is freed. The two runs whose first block still gets a gradient worth the name are the two that a rescue frees, if barely:
# about a tenth of a nat below the line. Five seeds suggest a link and do not prove it (see "Try it yourself"). Nor do they say
# why no rate helps: Adam divides the size of a gradient out, so a small one alone need not stop a block. Perhaps what comes back
# through an output that ignores the input no longer says how to read it.
#
# The practical version: **log the gradient norm per block, not only the global one.**

# %% [markdown]
# ## Is early damage forever?
#
# Advice posts say so: damage done in the first steps can never be repaired. B looks like a case for it. Here is a case against: a
# 16-layer model without norms at constant 1e-2, the same with 50 steps of warmup, and as a control 1e-3 for ten steps.

# %%
jump = evidence.recorded("transient-explosion")
plots.panels(
    {"constant 1e-2": jump["constant"], "50 steps of warmup": jump["warmup"], "constant 1e-3 (10 steps)": jump["textbook"]},
    ("loss",),
    title="16 layers without norms, five seeds each",
    colors=(plots.VERMILION, plots.GREEN, plots.BLUE),
)

# %% [markdown]
# The constant run jumps by [a median of 12.8 nats, 5.24 to 50.3](../docs/experiments.md#transient-explosion) within ten steps. By
# step 60 it ends at 3.1 nats (2.92 to 3.27), and the run that never jumped at 3.11 (2.92 to 3.5). A frightening curve, and no
# damage that the loss would show by then. B never frightened anybody, and most of its seeds could not be rescued. So the height
# of an early accident is a poor guide to what it leaves behind.

# %% [markdown]
# ## Finding the rate before the run
#
# The **learning-rate range test** promises a good rate for the price of one short run. Start at a tiny rate, multiply it by a
# constant factor at every step until the loss diverges, plot the smoothed loss against the rate, and read off a number. *Which*
# number is contested: the `lr_find` of the library fastai offers four, among them the rate where the loss falls most **steeply**,
# which a course page recommends, and a tenth of the rate at the **minimum**. In Smith's paper
# ([2015](https://arxiv.org/abs/1506.01186)), where the test comes from, the rate rises linearly over a few epochs and one looks
# at the *accuracy*; the steepest slope of the loss is no part of it.

# %%
predictions.predict(
    "07-range-test",
    (
        "A sweep of 200 steps from 1e-5 to 1. How does the rate at its steepest slope compare with the best constant rate for a "
        "run of 150 steps?"
    ),
    [
        "They agree within a factor of two",
        "The steepest slope is several times too low",
        "The steepest slope is several times too high",
    ],
)

# %% [markdown]
# The model is a pre-LN Transformer of two layers, and the sweep is one argument: `schedule=swept_rate`. The figure shows one of
# five seeds at a time, and with it the truth: where runs of 150 steps at a *fixed* rate end, one line per recorded seed, through
# the four rates that the experiment trained (steepest slope, best of a small grid, minimum, a tenth of the minimum).

# %%
from stabilitylab.experiments.learning_rate import lr_range_test as sweep

swept = []
for seed in live.track(range(5), "Sweeping five models"):
    trainer = Trainer(sweep.FIXED.replace(seed=seed, steps=sweep.SWEEP), schedule=sweep.swept_rate)
    swept.append([(record.lr, record.loss) for record in trainer.steps()])

tried = {
    arm: [(fresh("lr-range-test", f"{arm}-lr"), fresh("lr-range-test", f"{arm}-end"))] for arm in ("steepest", "minimum", "best")
}
tried["tenth"] = [([lr / 10 for lr in fresh("lr-range-test", "minimum-lr")], fresh("lr-range-test", "tenth-end"))]
points = [(rate, end, seed) for ((rates, ends),) in tried.values() for seed, (rate, end) in enumerate(zip(rates, ends))]
truth = [tuple(zip(*sorted((rate, end) for rate, end, of in points if of == seed))) for seed in range(20)]


# %%
def smoothed(losses, beta):
    kept = [losses[0]]
    for loss in losses[1:]:
        kept.append(beta * kept[-1] + (1 - beta) * loss)
    return kept


def picture(smoothing, seed):
    rates, losses = zip(*swept[seed])
    curve = smoothed(losses, smoothing)
    shown = next((i for i, loss in enumerate(curve) if i > 100 and loss > 6), len(curve))
    slope = min(range(5, 195), key=lambda i: curve[i + 5] - curve[i - 5])
    low = min(range(200), key=lambda i: curve[i])
    groups = {"sweep": [(rates[:shown], curve[:shown])], "150 steps at a fixed rate, 20 recorded seeds": truth}
    marks = {"steepest slope": rates[slope], "minimum": rates[low], "a tenth of the minimum": rates[low] / 10}
    groups |= {f"{what}, {rate:.2g}": [((rate, rate), (2.5, 6))] for what, rate in marks.items()}
    title = f"A range test (seed {seed}, smoothing {smoothing}), and what its rates are worth"
    return plots.lines(groups, "learning rate", "loss (nats per byte)", title, logarithmic_x=True)


live.explore(picture, smoothing=[0.9, 0.0, 0.5, 0.8, 0.95, 0.98], seed=range(5))

# %% [markdown]
# The steepest slope marks where learning *begins*; the bottom of the sweep marks where it starts to *break*. The best rate for a
# run lies between, and neither landmark is it.
#
# Over [twenty fresh seeds](../docs/experiments.md#lr-range-test): the steepest slope lies at a median of 0.0023, and the best
# rate of the grid (1e-3, 3e-3, 1e-2, 3e-2) is 4.35 times higher (3.65 to 11). Training at the steepest slope ends at 2.89 nats,
# at the minimum at 3.27, on the unigram line, at **a tenth of the minimum at 2.70**, and at the best rate at 2.69. The tenth
# beats the slope in 20 of 20 seeds and stays within 0.15 nat of the best in all.
#
# Why is the minimum so hot? The likely reason: the sweep spends *one* step at each rate, after a descent made by gentler ones,
# and what survives that need not survive from the start. And how firm is the minimum itself?

# %%
for beta in (0.0, 0.9, 0.98):
    lows = [sweep.lowest(smoothed([loss for _, loss in run], beta)) for run in swept]
    print(f"smoothing {beta}: the minimum of five sweeps lies at {min(lows):.3f} to {max(lows):.3f}")

# %% [markdown]
# It moves with the smoothing, because a longer average lags: try the slider. (The lag is not the whole reason: without smoothing
# it still lies above the best rate.) So the tenth is a margin of safety that fits this smoothing and this length of sweep. It is
# not a law, and it says nothing about a run with warmup.

# %% [markdown]
# ## Weight decay: one name, two things
#
# Weight decay shrinks every weight a little at every step. *L2 regularisation* adds $\frac{\lambda}{2}\lVert\theta\rVert^2$ to
# the loss, so that $\lambda\theta$ is added to the gradient. Under plain SGD they are the same thing:
#
# $$\theta \leftarrow \theta - \text{lr}\,(g + \lambda\theta) = (1 - \text{lr}\,\lambda)\,\theta - \text{lr}\,g.$$
#
# Under Adam they are not, because whatever is in the gradient is divided by the root of the second moment. Suppose that the
# gradients are noise of size $\sigma$ about 0. The mean of Adam's first moment is then the L2 term, and per step
#
# $$\Delta\theta \approx -\,\text{lr}\,\frac{\lambda\theta}{\sqrt{\hat v}},
# \qquad \hat v \approx \sigma^2 + \overline{(\lambda\theta)^2}.$$
#
# Two limits help. Where $\sigma \gg \lambda\theta$ the weight decays at the rate $\text{lr}\,\lambda/\sigma$: the larger a
# weight's gradients, the **less** it is decayed. Where $\sigma \ll \lambda\theta$ the step is
# $-\,\text{lr}\cdot\operatorname{sign}(\theta)$, and $\lambda$ has cancelled: such a weight sets out for 0 by the full learning
# rate, *however small the decay you asked for* (until $\lambda\theta$ is as small as Adam's $\epsilon$). AdamW (Loshchilov &
# Hutter, [2017](https://arxiv.org/abs/1711.05101)) takes the decay out of the gradient and applies $(1 - \text{lr}\,\lambda)$ to
# the weight directly.

# %%
predictions.predict(
    "07-unused",
    (
        "A weight of 1 never gets a gradient. What is left of it after 100 steps at lr 1e-3, once with weight decay 0.1 and "
        "once with 0.001?"
    ),
    [
        "Adam and AdamW: 0.99 and 0.9999, since both decay by lr times decay",
        "Adam: about 0.9 and 0.9. AdamW: 0.99 and 0.9999",
        "Adam: 1 and 1, since without a gradient it does not move. AdamW: 0.99 and 0.9999",
    ],
)

# %%
for kind in (torch.optim.SGD, torch.optim.Adam, torch.optim.AdamW):
    for decay in (0.1, 0.001):
        weight = torch.nn.Parameter(torch.ones(1))
        optimizer = kind([weight], lr=1e-3, weight_decay=decay)
        for _ in range(100):
            weight.grad = torch.zeros(1)
            optimizer.step()
        print(f"{kind.__name__:6} decay {decay:<6} leaves {weight.item():.4f}")

# %% [markdown]
# SGD and AdamW leave $(1 - \text{lr}\,\lambda)^{100}$. Adam leaves 0.90 for both decays, a hundred steps of nearly 1e-3 each. The
# other limit needs gradients. Below, weights that begin at 1 see pure noise of four sizes for 1000 steps: twenty recorded seeds,
# one more just now, AdamW as the control, and the prediction of the formula above with the mean in $\hat v$ taken as Adam takes
# it.

# %%
from stabilitylab.experiments.optimizers.adam_l2 import SIGMAS, shrink


def weights_left(arm, seeds=20):
    return {f"noise {sigma:g}": fresh("adam-l2", f"{arm}-{sigma:g}")[:seeds] for sigma in SIGMAS}


now = shrink(torch.optim.Adam, seed=0)
left = {
    "AdamW": weights_left("adamw"),
    "Adam with L2": weights_left("adam"),
    "Adam with L2, just now": {f"noise {sigma:g}": [now[f"sigma-{sigma:g}"]] for sigma in SIGMAS},
    "Adam with L2, predicted": weights_left("predicted", seeds=1),
}
plots.dots(left, "left of a weight of 1", title="Weight decay 0.1, 1000 steps at 1e-3, by the size of the gradient noise")

# %% [markdown]
# AdamW leaves 0.905 whatever the gradients. L2 in Adam leaves [0.262 at noise 0.01 and 0.99 at noise
# 10](../docs/experiments.md#adam-l2), and the prediction is within 0.02 of it in 20 of 20 seeds. (A thousand full steps would
# leave nothing at noise 0.01; but $\hat v$ remembers the weight when it was larger.) So "in Adam L2 is divided by the square root
# of the *momentum*" has the right idea and the wrong word: momentum is the first moment, and the division is by the root of the
# **second**.
#
# This is no corner case: the embedding row of a byte that is absent from the text never has a gradient. In [100 steps of real
# training](../docs/experiments.md#weight-decay) at decay 0.1, Adam with L2 leaves 0.00339 of the length of such rows and 0.237 of
# those of common bytes; AdamW leaves 0.97 and 0.98. (With this initialisation the elements start at about 0.02, so steps of
# nearly 3e-3 soon erase them.) In PyTorch the whole difference is one letter: `Adam(weight_decay=0.1)` is L2,
# `AdamW(weight_decay=0.1)` is decay.

# %% [markdown]
# ## Does weight decay cure instability?
#
# Popular lists of cures include it. The panel starts with B, now under AdamW, which without decay takes the same steps as Adam.
# Try **weight decay** 0.1, then 1.0. Then set it back to 0 and use 150 **warmup steps**. Then find a **peak LR** at which none of
# it is needed.

# %%
decayed = experiments.get("weight-decay")
panel = live.panel(
    decayed.arms["hot"].config,
    controls=["lr", "weight_decay", "warmup_steps", "optimizer", "seed"],
    curves=("loss", "update_ratio"),
)

# %%
ends = {
    "post-LN at 1e-2 (stuck)": {
        "no decay": fresh("weight-decay", "hot-end"),
        "0.1": fresh("weight-decay", "hot-usual-end"),
        "1.0": fresh("weight-decay", "hot-strong-end"),
    }
}
alone = fresh("weight-decay", "healthy-end")
ends["pre-LN at 3e-3 (healthy)"] = {"no decay": alone} | {
    name: [a + b for a, b in zip(alone, fresh("weight-decay", f"healthy-{arm}-cost"))]
    for name, arm in (("0.1", "usual"), ("1.0", "strong"))
}
title = "Weight decay as a cure, twenty recorded seeds"
plots.dots(ends, "final loss", title, references={"unigram": text.unigram_entropy})

# %% [markdown]
# At the [usual 0.1](../docs/experiments.md#weight-decay) the stuck run stays stuck in 19 of 20 seeds. At **1.0, ten times the
# usual**, it trains in 19 of 20, to a median of 2.87 nats (expected was that no decay would free it). It is no general cure: the
# 24-layer model without norms of lesson 01 explodes in 20 of 20 seeds at either value, and the healthy run pays a median of
# 0.0904 nat for decay 1.0 (0.1 moves it by 0.00901, less than its seeds differ).
#
# What does the strong decay do to B? Five runs, just now, beside the five without decay from the start of the lesson:

# %%
strong = []
for seed in live.track(range(5), "Five runs with decay 1.0"):
    strong.append(watch(decayed.trainer("hot-strong", seed), steps=140))


def weight_norm(run):
    return sum(p.detach().square().sum().item() for p in run.trainer.parameters) ** 0.5


for name, runs in {"no decay (B)": watched["B"], "decay 1.0": strong}.items():
    troughs = sorted(min(share for _, share, _ in run.inside) for run in runs)
    ends = sorted(run.inside[-1][1] for run in runs)
    blocks, norms = sorted(run.inside[-1][2] for run in runs), sorted(map(weight_norm, runs))
    print(f"{name:13} input share: lowest {troughs[0]:.0e} to {troughs[-1]:.0e},", end=" ")
    print(f"at the end {ends[0]:.0e} to {ends[-1]:.0e}, above 0.01 in {sum(end > 0.01 for end in ends)} of 5")
    print(
        f"{'':13} first block's gradient {blocks[0]:.0e} to {blocks[-1]:.0e}; norm of all weights {norms[0]:.0f} to "
        f"{norms[-1]:.0f}"
    )

# %% [markdown]
# The strong decay does not prevent the fall. It lets the runs climb out: at the end all five read their input again and gradients
# reach the first block (without decay two of five get that far, and sit on the plateau all the same), while the weights end less
# than a third as long as without it. *Why* shrinking them restores the input was not isolated. Warmup from the start, at the same
# peak, needs no such decay.

# %% [markdown]
# ## The verdict

# %%
from stabilitylab import ledger

ledger.verdicts("B7", "C4", "C10", "C11", "C15", "F1", "F2")

# %% [markdown]
# **B7**: the jump of the deep model heals in all twenty seeds, which is enough against "never"; the stuck run, which in most
# seeds nothing freed in the time given, is what is true about it. **C4** falls with the crawl. Its useful core is that a plateau
# is no *reason* to raise the rate: of our four, one was cured by it, one was harmed, and two did not move. **C10**: the steepest
# slope lies several times below the best fixed rate; the tenth of the minimum did better. Which number to read off is
# **contested**, and ours is a rule of thumb. **C11** is right once "momentum" is read as second moment. **C15** holds for one run
# at ten times the usual value, and fails for the explosion. **F1** says for which width the rate that you found is good: for that
# one. A model four times as wide wants about a quarter of it, unless it is parametrised so that it does not
# ([measured](../docs/experiments.md#rate-transfer); **F2**).
#
# ### What this does not show
#
# - **That stuck runs never wake.** They were followed for 150 to 200 steps after the change.
# - **That decay always pays.** D is one model, made to hover. In [the recorded comparison of
#   decays](../docs/experiments.md#schedules) the inverse square root *costs* 0.188 nat at a mild peak and gains 0.0337 at a hot
#   one.
# - **A rule for your range test.** Two layers, 150 steps, no warmup.
# - **Which kind of decay trains better.** The noise experiment has nothing to learn, and the slow effects of decay on the size of
#   the weights take thousands of steps; ours have at most 200.
#
# **At 7B parameters** a sweep of 200 steps would end inside the warmup: the [Deep Learning Tuning
# Playbook](https://github.com/google-research/tuning_playbook) says that Transformers may need more than 40,000 steps of it.
# Something like plateau D can be part of the plan: warmup-stable-decay keeps the rate constant for most of the run, and in the
# small-model runs of [MiniCPM](https://arxiv.org/abs/2404.06395) decaying over 10% of the tokens was enough for the best result.
# Weight decay has a role that our short runs cannot show: [Wortsman et al. (2023)](https://arxiv.org/abs/2309.14322) find output
# logits that diverge late in training in models *without* it. And rates do get lowered in mid-run: in the [OPT
# logbook](https://github.com/facebookresearch/metaseq/tree/main/projects/OPT/chronicles), when gradient and activation norms
# drifted up, a rate 10% lower settled them. The sign was a drifting norm, not a flat loss.

# %% [markdown]
# ## What you predicted

# %%
predictions.review(
    "07-flat",
    "In one of four: the crawl. The stuck and the small run did not move, and the hovering one got worse.",
    outcome="In one",
)
predictions.review(
    "07-range-test",
    "Several times too low: the best rate was a median of 4.35 times higher, in no seed less than 3.65 times.",
    outcome="The steepest slope is several times too low",
)
predictions.review(
    "07-unused",
    "Adam left 0.90 for both decays, AdamW 0.99 and 0.9999: where there is no gradient, L2's factor divides out.",
    outcome="Adam: about 0.9 and 0.9. AdamW: 0.99 and 0.9999",
)

# %% [markdown]
# ## In the interview, in three sentences
#
# > "A flat loss does not tell me which way to turn the rate: I hold it against the uniform and the unigram entropy, look at the
# > update ratio and the gradient norm per block, and if in doubt branch a checkpoint, once at a higher rate and once with the
# > rate going to zero. Too cold wants a higher rate, too hot wants decay, a model that has stopped reading wants a restart with
# > warmup, and one that is too small wants none of these. A range test only brackets the rate, above the steepest slope and well
# > below the minimum, and I keep weight decay decoupled, because Adam divides an L2 term by the root of the second moment."
#
# ## What to log in your own runs
#
# The loss with its reference lines, the update-to-parameter ratio, the gradient norm **per block** beside the global one, and the
# norm of all weights, which is where weight decay shows. Keep checkpoints: the cheapest test of a cure is a branch of a hundred
# steps.
#
# ## Try it yourself
#
# 1. Does the first block's gradient foretell a rescue? For seeds 5 to 9 compare
#    `watch(plateau.trainer("stuck", seed), 100).inside[-1]` with `diagnose(plateau.run("stuck-warmed", seed))`, and write down
#    your guess before the second call. (About three seconds a seed.)
# 2. Let a stuck run sleep longer: `watch(Trainer(plateau.arms["stuck"].config.replace(steps=1200, seed=0)), 1200)` (ten to thirty
#    seconds). Does it wake, and what does the first block's gradient do before the loss moves?
# 3. Change the sweep's length: `Trainer(sweep.FIXED.replace(steps=800), schedule=lambda step: 1e-5 * 1e5 ** (step / 799))`, and
#    again with 60 steps. Which landmark moves, and would a tenth of the minimum still be a good choice? What does a third cost?
#    (`sweep.trained(rate, seed)` tells.)
# 4. In the panel, set the **optimizer** to Adam and **weight decay** to 1.0 on the stuck run. From the derivation, which weights
#    will L2 erase first? Predict the loss, then run.
#
# **Assignment:**
# [exercises/a5_adamw_accumulation_checkpointing/a5_adamw_accumulation_checkpointing.ipynb](../exercises/a5_adamw_accumulation_checkpointing/a5_adamw_accumulation_checkpointing.ipynb).
# Its first part has you write AdamW from scratch and train a Transformer with it; the rest belongs to lesson 08.

# %% [markdown]
# ## Quiz
#
# Answer from the lesson; every choice has its reason.

# %%
from stabilitylab import quiz

quiz("07")

# %% [markdown]
# ## References
#
# - Smith 2015, *Cyclical Learning Rates for Training Neural Networks*, [arXiv:1506.01186](https://arxiv.org/abs/1506.01186): the
#   range test, on accuracy.
# - Loshchilov & Hutter 2017, *Decoupled Weight Decay Regularization* (AdamW),
#   [arXiv:1711.05101](https://arxiv.org/abs/1711.05101).
# - Godbole et al. 2023, *Deep Learning Tuning Playbook*,
#   [github.com/google-research/tuning_playbook](https://github.com/google-research/tuning_playbook).
# - Hu et al. 2024, *MiniCPM*, [arXiv:2404.06395](https://arxiv.org/abs/2404.06395): the warmup-stable-decay schedule.
# - Wortsman et al. 2023, *Small-scale proxies for large-scale Transformer training instabilities*,
#   [arXiv:2309.14322](https://arxiv.org/abs/2309.14322).
# - *Chronicles of OPT development*, 2022,
#   [logbook](https://github.com/facebookresearch/metaseq/tree/main/projects/OPT/chronicles).
#
# Next: [08 · Big batches, small memory](08_big_batches_small_memory.ipynb)
