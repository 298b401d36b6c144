# %% [markdown]
# # 03 · Loss spikes and clipping
#
# **On trial:** the popular account of spikes: one batch with a hundred times the usual gradient ruins a run, and clipping the
# global norm at 1.0, which keeps the direction and shortens the step, leaves a smooth curve.
#
# **You will be able to** tell a batch's own loss from damage to the model, say what clipping by norm, by tensor and by value each
# do to a gradient, and predict when the limit matters under SGD and under Adam.
#
# **Time** about 50 minutes. **You need** lessons 00 and 01, and what momentum does in SGD.

# %% [markdown]
# ## The question, and two reports
#
# > *"The loss of your run jumps by three nats at one step, nothing is NaN, and after a while it has come back. What happened, and
# > what would clipping have done?"*
#
# The answer that circulates: a bad batch, with a gradient a hundred times the usual, threw the weights across the loss surface;
# clip at 1.0, and the curve is smooth.
#
# Two reports make one pause. The [OLMo 2](https://arxiv.org/abs/2501.00656) team found that batches at their spikes often held
# long runs of repeated n-grams; yet not every such stretch makes a spike. [PaLM](https://arxiv.org/abs/2204.02311) clipped the
# global norm at 1.0 throughout, and its largest model spiked about 20 times all the same.
#
# So take the crudest repetition: a batch of nothing but one byte, and one that the text does not use. A small pre-LN model trains
# with SGD and momentum 0.9; the batches of steps 40 to 43 are of that kind, all others are ordinary text.

# %%
from stabilitylab import predictions

predictions.predict(
    "03-when",
    "Steps 40 to 43 are bad, all other batches are clean. When is the model at its worst on ordinary text?",
    [
        "After the first bad batch, the most surprising one",
        "After the fourth; from then on it heals",
        "One or more clean batches later",
        "Never by much: four batches are too few",
    ],
)

# %% [markdown]
# ## Trial 1: four bad batches
#
# Look at steps 40 to 50, and press **Pin**. Set **clip norm** to 1 and run again; then take the bad batches away. (The panel cuts
# the tallest peaks. "Crawling" only says that the run ends above the unigram line.)

# %%
from stabilitylab import experiments, live

bad_batch = experiments.get("bad-batch")
panel = live.panel(
    bad_batch.arms["sgd-four"].config,
    controls=["injections", "clip_norm", "lr", "momentum", "steps", "seed"],
    curves=("loss", "grad_norm"),
)

# %% [markdown]
# Beside seed 0, trained again by the next cell: the recorded seeds, the same with the norm clipped at 1.0, and the negative
# control, without a bad batch.

# %%
from stabilitylab import evidence, plots

recorded = evidence.recorded("bad-batch")
mine = bad_batch.run("sgd-four", seed=0)
groups = {
    "no bad batch": recorded["sgd"],
    "four, seeds 1-4": recorded["sgd-four"][1:],
    "four, seed 0, just now": [mine],
    "four, clipped at 1.0": recorded["sgd-clip-four"],
}
curves = {label: [(run.column("step")[34:64], run.column("loss")[34:64]) for run in runs] for label, runs in groups.items()}
colors = (plots.BLUE, plots.ORANGE, plots.VERMILION, plots.GREEN)
title = "The batches of steps 40 to 43 are one byte, repeated (SGD at 0.1)"
plots.lines(curves, "step", "training loss (nats per byte)", title, colors=colors, references={"unigram": mine.unigram})

# %%
print("seed 0, steps 39-46")
for name, run in (("unclipped", mine), ("clipped at 1.0", recorded["sgd-clip-four"][0])):
    for column in ("loss", "grad_norm"):
        print(f"{name:15} {column:10}", "  ".join(f"{value:5.2f}" for value in run.column(column)[39:47]))

# %% [markdown]
# Two peaks stand in the unclipped curve. At step 40 the loss leaps: this batch is a surprise. Three updates later the model has
# learned that the byte repeats, and the loss is *below* normal. At step 44 ordinary text comes back, and now the loss is high for
# another reason. The first peak belongs to the batch, the second to the model.
#
# The clipped run is as high at first and stays high *longer*, because each update teaches it less; on the first clean batch it is
# nearly back. **Clipping did not take the peak out of the curve. It took away most of the damage behind it.** A dashboard with
# one loss curve does not say which peak you are looking at.

# %% [markdown]
# ## A batch's loss, and the model's
#
# To see the model alone, measure it on held-out text after every update. A fourth arm sets the optimizer's *momentum* to zero
# after the four batches, and changes nothing else.


# %%
def held_out(arm, seed, stop_at=None):
    trainer = bad_batch.trainer(arm, seed)
    seen = []
    for record in trainer.steps():
        if record.step == stop_at:
            trainer.optimizer.state.clear()  # SGD keeps nothing but its momentum here
        if record.step >= 36:
            seen.append((record.step, trainer.validation_loss(2)))
        if record.step == 58:
            return tuple(zip(*seen))


# %%
arms = {
    "no bad batch": ("sgd", None),
    "four, 40 to 43": ("sgd-four", None),
    "four, then momentum set to 0": ("sgd-four", 43),
    "four, clipped at 1.0": ("sgd-clip-four", None),
}
health = {label: [] for label in arms}
for label, seed in live.track([(label, seed) for label in arms for seed in range(5)], "Training twenty models"):
    arm, stop_at = arms[label]
    health[label].append(held_out(arm, seed, stop_at))
title = "Loss on held-out text after each update"
plots.lines(
    health,
    "after the update of step",
    "loss (nats per byte)",
    title,
    colors=(plots.BLUE, plots.VERMILION, plots.PURPLE, plots.GREEN),
)

# %%
for label, lines in health.items():
    worst = [steps[losses.index(max(losses))] for steps, losses in lines]
    peak, later = [max(losses) for _, losses in lines], [losses[steps.index(54)] for steps, losses in lines]
    print(
        f"{label:29} peak {evidence.spread(peak, 'nats'):28} after step {worst}; after step 54: {evidence.spread(later, 'nats')}"
    )

# %% [markdown]
# The update at step 40, where the loss leaps, hardly hurts. The harm grows over the next three, while the training loss *falls*.
# And in all five seeds the model is at its worst after a **clean** batch. Set the momentum to zero after the last bad one, and
# the loss turns round at once; ten clean updates later it is at 3.77 nats (3.71 to 3.88), against 4.73 (3.8 to 4.89) with the
# momentum kept. The bad batches left a place and a velocity; here the velocity moves the peak past the last of them and keeps it
# up. (Timing and length, not height: see exercise 1 below.)
#
# Why it lasts is arithmetic. With momentum $\mu$ a single gradient $g$ is applied again and again, each time $\mu$ times weaker,
# and in all it moves the weights by
#
# $$\text{lr}\,(1 + \mu + \mu^2 + \dots)\,g = \frac{\text{lr}}{1-\mu}\,g,$$
#
# of which only the share $1-\mu$, here a tenth, comes in its own step. One gradient of 1, followed by zeros:

# %%
import torch

weight = torch.nn.Parameter(torch.zeros(1))
optimizer = torch.optim.SGD([weight], lr=0.1, momentum=0.9)
for step in range(100):
    weight.grad = torch.tensor([float(step == 0)])
    optimizer.step()
    if step in (0, 4, 99):
        print(f"after {step + 1:3} steps: moved {-weight.item():.3f}")

# %% [markdown]
# So when you hunt for the batch behind a spike, do not stop at the batch on which the loss is high. Look back to where the
# **gradient norm** first rose: here at step 40, four steps before the first clean batch. Bekman's [Engineering Open
# Book](https://github.com/stas00/ml-engineering) tells something similar of much larger runs: the batch just before a spike often
# looks normal, and the trouble may have started many steps earlier.

# %% [markdown]
# ## One, four, and a hundred times
#
# Twenty seeds, none of which tuned anything: the highest loss above that of the twin run without bad batches, on the same clean
# batches.

# %%
from stabilitylab.experiments import FRESH_SEEDS

figures = evidence.load("bad-batch").quantities
settings = {"one": "one-spike", "four": "four-spike", "four, clipped at 1.0": "clip-spike"}
heights = {
    name: {label: [figures[f"{key}-{figure}"][seed] for seed in FRESH_SEEDS] for label, figure in settings.items()}
    for name, key in (("SGD", "sgd"), ("Adam", "adam"))
}
plots.dots(heights, "nats above the twin", title="Height of the spike on clean batches, twenty seeds")

# %%
for name, spikes in heights.items():
    pairs = list(zip(spikes["four"], spikes["four, clipped at 1.0"]))
    halved = sum(clipped < unclipped / 2 for unclipped, clipped in pairs)
    print(f"{name}: with clipping the spike of four is less than half as high in {halved} of {len(pairs)} seeds")

# %% [markdown]
# **One** bad batch at step 40 is a jolt: under SGD [0.322 nats](../docs/experiments.md#bad-batch) (0.231 to 0.492), and at step
# 80 the run ends 0.015 nats above its twin (-0.00613 to 0.0314). **Four** are another matter: 2.47 nats (2.07 to 3.63), and a
# mark of 0.132 nats (0.0721 to 0.228) at the end. Clipping brings that spike down to 0.335 nats (0.236 to 0.422), about that of a
# single bad batch: much less, and not zero.
#
# **Under Adam the picture blurs.** Four batches spike by anything from 0.153 to 5.76 nats, and with clipping by 0.127 to 3.85. We
# expected clipping to take the spike away here too; it halves it in 8 of 20 seeds.
#
# And the **hundredfold** gradient? At step 40 this batch, as degenerate as they come, has 9.19 times the usual norm (7.64 to
# 12.4). One reason: the gradient of the cross-entropy at a token's logits is $p - e_y$, the probabilities minus one at the right
# byte. Whatever the token,
#
# $$\lVert p - e_y \rVert_2 \le \sqrt 2 ,$$
#
# so no token can shout. What can change is how many of the 256 tokens of a batch say the *same*:

# %%
trainer = bad_batch.trainer("sgd-four", seed=0)
next(record for record in trainer.steps() if record.step == 39)
for name, step in (("clean", 39), ("bad", 40)):
    inputs, targets = trainer.batches(step)
    p = trainer.logits(inputs).detach().softmax(dim=1)
    at_logits = p - torch.nn.functional.one_hot(targets.flatten(), 256)
    token, mean = at_logits.norm(dim=1).mean(), at_logits.mean(dim=0).norm()
    print(f"{name:5} batch: mean norm of a token's gradient {token:.2f}, norm of the mean gradient {mean:.2f}")

# %% [markdown]
# A token of the bad batch is hardly louder than one of ordinary text. But ordinary tokens disagree and mostly cancel in the mean,
# and these do not.
#
# The bound holds at the logits only; the layers below can amplify, and they change as the model learns. Move the one bad batch to
# step 150:

# %%
for key, about in {
    "sgd-surprise": "gradient, times the usual, at step 40",
    "late-surprise": "the same at step 150",
    "late-spike": "highest loss above the twin after it",
    "late-gap": "above the twin at step 200",
    "late-clip-spike": "highest loss above the twin, clipped at 1.0",
}.items():
    print(f"{about:45} {evidence.spread([figures[key][seed] for seed in FRESH_SEEDS])}")

# %% [markdown]
# At step 150 the same batch is anything from 10.1 to 51.6 times as loud as usual, and a setback in 20 of 20 seeds: three of them
# [are not back below the unigram line](../docs/experiments.md#bad-batch) at step 200. Clipped at 1.0 it costs nothing. So "a
# jolt" was said of step 40: what a batch does depends on the model it meets. Under Adam, measured at the last weights of a
# healthy run, such a batch has [43.1 times](../docs/experiments.md#firing-rate) the usual norm (13 to 122). A hundredfold
# gradient does occur.

# %% [markdown]
# ## What clipping does to a gradient
#
# Write all gradients one after the other as one vector $g$. Clipping its length, the **global norm**, at $c$ gives
#
# $$\hat g = \alpha\, g, \qquad \alpha = \min\!\left(1, \frac{c}{\lVert g \rVert_2}\right),
# \qquad \cos(g, \hat g) = \frac{g \cdot \alpha g}{\lVert g \rVert_2\, \lVert \alpha g \rVert_2} = 1 .$$
#
# One factor for everything, so the direction stays, and the length is at most $c$. Below the limit nothing happens. It hangs on
# there being *one* factor: clip each tensor by its own norm, and the large tensors lose their say; clip each element, and there
# is a factor per element. All of them on the gradient of the first bad batch:

# %%
from torch.nn.utils import clip_grad_norm_, clip_grad_value_, parameters_to_vector

from stabilitylab.experiments.clipping.clipping_facts import clip_each

trainer.optimizer.zero_grad()
trainer.loss(*trainer.batches(40)).backward()
tensors = [p.grad.clone() for p in trainer.parameters]
raw = parameters_to_vector(tensors).double()
ways = {"global norm": (clip_grad_norm_, 1.0), "each tensor's norm": (clip_each, 1.0)}
ways |= {f"each element at {limit:g}": (clip_grad_value_, limit) for limit in (1.0, 0.01)}
for name, (clip, limit) in ways.items():
    for p, grad in zip(trainer.parameters, tensors):
        p.grad = grad.clone()
    clip(trainer.parameters, limit)
    after = parameters_to_vector(p.grad for p in trainer.parameters).double()
    print(f"{name:20} norm {raw.norm():.2f} -> {after.norm():.2f}   cosine {torch.cosine_similarity(raw, after, dim=0):.3f}")

# %% [markdown]
# What the bend looks like shows in two dimensions. In the spirit of Pascanu et al. (2013), who proposed clipping by the norm: a
# valley that falls gently to the right and ends in a wall. Move the star and the limit.

# %%
from stabilitylab import cliff

places = {"at the foot of the wall": 1.0, "on the wall": 1.05, "before it": 0.8, "in the valley": 0.0, "far back": -4.0}
live.explore(cliff.picture, x=places, limit=[1.0, 3.0, 10.0, 30.0], lr=[0.3, 0.1, 1.0])

# %% [markdown]
# On the wall the gradient is long, and the step against it goes left. Unclipped, it throws the star across the valley and raises
# the loss. With the norm clipped the step keeps the direction at a bounded length: away from the wall, and next to nothing
# towards the valley's floor. With the elements clipped the loud axis is cut, the quiet one is not, and the step turns towards the
# floor, which here is *better*.
#
# The picture is made by hand and proves nothing about training. It says what to test: is a bent gradient worse?
#
# ### Two slips with the norm
#
# The formula `(grad ** 2).sum().sqrt()` is right for one tensor. For a model, square and sum over *all* tensors, then take one
# root. Adding up the tensors' norms gives too much.
#
# And a beginner's article has a million gradients that average 0.01, and a norm of about 100. In general
#
# $$\lVert g \rVert_2 = \sqrt{n}\cdot\text{RMS}(g) \ge \sqrt{n}\cdot\text{mean}\,|g| ,$$
#
# and 1000 times 0.01 is 10. The 100 comes out if you forget the square. But the average alone does not fix the norm, it only
# bounds it from below:

# %%
n = 1_000_000
print(f"sum of the tensors' norms {sum(g.norm() for g in tensors):.2f}, global norm {raw.norm():.2f}")
for each in (1, 100, n):
    g = torch.zeros(n, dtype=torch.float64)
    g[::each] = 0.01 * each
    print(f"one element in {each:<7} is {0.01 * each:<7g} and the rest 0: mean {g.mean():.2f}, norm {g.norm():,.0f}")

# %% [markdown]
# ## Trial 2: an explosion, and three limits
#
# Now a run that needs help. Four layers, no norms, PyTorch's default initialisation, SGD with momentum at 0.2: unclipped, [a
# number is inf or NaN at step 11](../docs/experiments.md#sgd-explosion) in the median (7 to 32).

# %%
predictions.predict(
    "03-limit",
    "The exploding SGD run, with one of three clips and nothing else changed. Which one does NOT save it?",
    [
        "The global norm at 1.0",
        "Every element at 1.0",
        "Every element at 0.01: it bends the gradient too much",
        "None of them: all three save it",
    ],
)

# %%
value_clipping = experiments.get("value-clipping")
rescues = evidence.recorded("value-clipping")
groups = {
    "unclipped": rescues["none"],
    "elements at 1.0": rescues["value-1"],
    "norm at 1.0": rescues["norm-1"],
    "elements at 0.01": [value_clipping.run("value-0.01", seed=0), *rescues["value-0.01"][1:]],
}
colors = (plots.BLACK, plots.VERMILION, plots.BLUE, plots.GREEN)
plots.panels(
    groups, ("loss", "grad_norm"), title="SGD at 0.2 without norms, five seeds (elements at 0.01: seed 0 just now)", colors=colors
)

# %%
for outcome in value_clipping.check([run for arm in rescues.values() for run in arm]):
    print(f"{outcome.count} of {outcome.total} seeds   {outcome.expectation.states}")

# %% [markdown]
# (In the figure the green lines cover the blue.) Clipping elements at 1.0 sounds as strict as clipping the norm at 1.0. It is
# not: a gradient of norm 10 can be made of elements that are nearly all below 1. By the time they are not, it is too late.
#
# At 0.01 the clip fires on every step and does bend the gradient: over twenty seeds the median cosine is
# [0.776](../docs/experiments.md#value-clipping) (0.744 to 0.798), the least 0.552 (0.502 to 0.638). It trains all the same, and
# ends 0.0197 nats *below* the norm clipped at 1.0 (from 0.0669 below to 0.0426 above). "Rarely preferable" did not reproduce
# here. What speaks against it is practical: a limit per element has to be found again for every model size.
#
# ### Or a lower learning rate?
#
# The same run, unclipped, at a third and at a thirtieth of the rate:

# %%
explosion = evidence.recorded("sgd-explosion")
cuts = {"clipped at 1.0, rate 0.2": "clip", "unclipped, a third": "third", "unclipped, a thirtieth": "thirtieth"}
title = "Clip, or cut the learning rate? Five seeds each"
plots.panels(
    {label: explosion[arm] for label, arm in cuts.items()}, ("loss",), title, colors=(plots.BLUE, plots.ORANGE, plots.PURPLE)
)

# %% [markdown]
# A third is a fair fix: over twenty seeds it ends [0.0069 nats below the clipped run](../docs/experiments.md#sgd-explosion)
# (0.0484 below to 0.0367 above). A thirtieth is safe and crawls: 0.298 nats higher (0.22 to 0.361), and it needs 67 steps to get
# below the unigram line (55 to 79), against 25.5 (22 to 30) with clipping. Under SGD, clipping cuts the rate *only where the
# gradient is long*. Lesson 04 takes this further.
#
# Is the clipped curve smooth? It never spikes. From step to step it moves by 0.18 nats on average (0.15 to 0.216), 0.907 times
# (0.753 to 1.08) what the thirtieth does. What is left is the noise between batches, which no clip removes.

# %% [markdown]
# ## Trial 3: does the limit matter under Adam?
#
# A popular rule of thumb: 0.1 is a limit that trains too slowly, and 10 gives little protection.

# %%
predictions.predict(
    "03-adam",
    (
        "A healthy Adam run, 80 steps. (1) Every gradient times 100. (2) Clipped at 0.1, which fires on every step. Compared "
        "with the plain run,"
    ),
    [
        "(1) diverges, (2) crawls",
        "both end where the plain run ends",
        "(1) ends where the plain run ends, (2) ends lower",
        "(1) ends where the plain run ends, (2) ends higher",
    ],
)

# %%
levels = evidence.load("clip-level-adam").quantities
adam = {"unclipped": "adam", "x 100": "adam-100", "1.0": "adam-1", "0.1": "adam-0.1", "0.01": "adam-0.01"}
sgd = {"unclipped": "sgd", "1.0": "sgd-1", "0.1": "sgd-0.1"}
ends = {
    name: {label: [levels[f"{arm}-end"][seed] for seed in FRESH_SEEDS] for label, arm in each.items()}
    for name, each in (("Adam", adam), ("SGD", sgd))
}
plots.dots(ends, "final loss (nats per byte)", title="A healthy run at several clip levels, twenty seeds")

# %% [markdown]
# Under **SGD** the rule is right: 0.1 caps every step and ends [0.0891 nats above 1.0](../docs/experiments.md#clip-level-adam)
# (0.0334 to 0.202) at the same rate. And 10 protects from nothing that trial 1 does: the four bad batches stay below it, and the
# run is the unclipped one.
#
# Under **Adam** gradients 100 times as large change nothing (one tuning seed ended 0.04 nats apart, for a reason not tracked
# down), and 0.1 and 0.01 end together, 0.000408 nats apart (-0.0135 to 0.0102). Adam's two averages are linear in $g$ and in
# $g^2$. Multiply every gradient by $k$, and
#
# $$\frac{\hat m}{\sqrt{\hat v} + \epsilon} \;\longrightarrow\; \frac{k\,\hat m}{\sqrt{k^2\,\hat v} + \epsilon}
# \approx \frac{\hat m}{\sqrt{\hat v}} .$$
#
# A **constant** factor divides out, up to $\epsilon$. A limit that fires on every step divides each gradient by its own norm;
# whether 0.1 or 0.01 multiplies it then is such a constant.
#
# But clipped and unclipped are *not* the same: 0.1 ends 0.151 nats lower (0.0416 to 0.283), in all twenty seeds. So clipping does
# act under Adam, by changing how gradients weigh **against each other**. Feed Adam noise, scaled by a constant; then a steady
# gradient of 1, with a single 100 at step 100:


# %%
from itertools import pairwise


def moves(gradients):
    """How far each Adam step moves one parameter, in learning rates."""
    weight = torch.nn.Parameter(torch.zeros(1, dtype=torch.float64))
    optimizer = torch.optim.Adam([weight], lr=1.0)
    places = [0.0]
    for g in gradients:
        weight.grad = torch.tensor([g], dtype=torch.float64)
        optimizer.step()
        places.append(-weight.item())
    return [after - before for before, after in pairwise(places)]


noise = torch.randn(300, generator=torch.Generator().manual_seed(0)).tolist()
for k in (100, 0.01):
    apart = max(abs(a - b) for a, b in zip(moves(noise), moves([k * g for g in noise])))
    print(f"noisy gradients times {k:<5} moves differ by at most {apart:.0e} learning rates")
for name, spike in (("unclipped", 100.0), ("clipped at 1.0", 1.0)):
    lengths = moves([spike if step == 100 else 1.0 for step in range(300)])
    print(f"{name:15} step 100: {lengths[100]:.2f}   step 130: {lengths[130]:.2f}   step 299: {lengths[299]:.2f}")

# %% [markdown]
# The hundredfold gradient itself moves the weight by 1.06 learning rates. Then the second moment remembers it, with the long
# memory of $\beta_2 = 0.999$, and to the end of these 300 steps the parameter moves at about a sixth of its pace. Here the blow
# is not the large step. It is the lull afterwards.
#
# If that is how clipping helps the healthy run, whose first gradients are long, then clipping *there* should be enough, and
# clipping only *later* should make things worse: large gradients in the second moment, short ones in the first. Five seeds:

# %%
from statistics import fmean

from stabilitylab import diagnose, train

plain = experiments.get("clip-level-adam").arms["adam"].config.replace(clip_norm=0.1)


def clip_when(fires):
    calls = iter(range(plain.steps))
    return lambda parameters, limit: clip_grad_norm_(parameters, limit) if fires(next(calls)) else None


timings = {"never": lambda t: False, "always": lambda t: True, "steps 0-19": lambda t: t < 20, "from step 20": lambda t: t >= 20}
jobs = [(name, seed) for name in timings for seed in range(5)]
timed = {name: [] for name in timings}
for name, seed in live.track(jobs, "Training twenty models"):
    timed[name].append(train(plain.replace(seed=seed), clip=clip_when(timings[name])))
for name, runs in timed.items():
    ratio = [1000 * fmean(run.column("update_ratio")[30:]) for run in runs]
    ended = evidence.spread([diagnose(run).final_loss for run in runs], "nats")
    print(f"clipped at 0.1 {name:13} ends at {ended:27} update / parameter after step 30: {evidence.spread(ratio)} thousandths")

# %% [markdown]
# Both come true. Clipping the first twenty steps alone does at least as well as clipping them all; clipping only later cuts the
# updates to about a third in the median and ends above the plain run. That fits a clip that keeps large early gradients out of
# the second moment. (Five seeds, trained just now; no arm separates the second moment from the early steps themselves.)
#
# **In which order?** In a full loop: *unscale, clip, step*. In fp16 the loss is multiplied by a factor before the backward pass;
# divide it out of the gradients before you compare their norm with a limit. Lesson 05 shows what happens otherwise.

# %% [markdown]
# ## The verdict

# %%
from stabilitylab import ledger

ledger.verdicts("A3", "A4", "C2", "D1", "D2", "E2", "E3", "E5")

# %% [markdown]
# - **A3** is exact, for the global norm alone: clipping by tensor or by element bends. **C2** and **E2** are arithmetic.
# - **A4** and **E5** are true of SGD. Adam divides the gradient's size out by itself: the level hardly matters once it fires on
#   every step, and 0.1 is not slow.
# - **D1**: at step 40 one batch leaves next to no mark; at step 150, unclipped, it is a setback that lasts to the end of our
#   runs. Neither is ruin, and one clip undoes it. At large the question is **contested**: the Open Book puts spikes down to bad
#   pockets of data, as a rule; the PaLM report to certain batches meeting a certain state of the parameters.
# - **D2** is half right: clipping elements bends the gradient, and in the one run on trial that did no harm. Whether it is ever
#   *preferable* stays open.
# - **E3**: clipping ended the explosion without a spike, shrank that of the bad batches to about a seventh, left their own loss
#   in the curve, and did nothing about noise.
#
# ### What this does not show
#
# - **What a hundredfold gradient does**, or a long run. The marks of the four batches were read after 36 clean steps, and may
#   fade. At step 40 the model is near the unigram line; one that reads well was not tried.
# - **Other kinds of bad batch**: this one is loud; shuffled labels have [1.85 times the usual
#   norm](../docs/experiments.md#firing-rate) (1.28 to 2.87) under SGD.
# - **That clipping never helps against spikes under Adam.** It did on some seeds; no size is claimed.
# - **That 1.0 is a good limit**, or what the bend costs elsewhere.
#
# **At 7B parameters** and above there are reports, and no twins. [PaLM](https://arxiv.org/abs/2204.02311) clipped at 1.0, saw
# about 20 spikes in the 540B model and none in the smaller ones, rewound about 100 steps and skipped 200-500 batches; the same
# batches did no harm from another checkpoint. [OPT](https://arxiv.org/abs/2205.01068) lowered its limit from 1.0 to 0.3 early on,
# which helped. And [Wortsman et al.](https://arxiv.org/abs/2304.13013) saw loss spikes 1-8 steps after AdamW's second moment had
# come to *underestimate* the squared gradients: the reverse of the lull above, and a spike that a limit on the gradient need not
# catch.

# %% [markdown]
# ## What you predicted

# %%
predictions.review(
    "03-when",
    "One or more clean batches later, in five of five seeds: the momentum carried on after the bad batches had gone by.",
    outcome="One or more clean batches later",
)
predictions.review(
    "03-limit",
    "Every element at 1.0: it exploded in five of five seeds. The norm at 1.0 and the elements at 0.01 trained.",
    outcome="Every element at 1.0",
)
predictions.review(
    "03-adam",
    (
        "Times 100 ended where the plain run did. Clipped at 0.1 it ended lower, in twenty of twenty seeds, by 0.151 nats in "
        "the median."
    ),
    outcome="(1) ends where the plain run ends, (2) ends lower",
)

# %% [markdown]
# ## In the interview, in three sentences
#
# > "First I would ask whose loss it is: a strange batch can score badly without hurting the model, so I would compare with
# > held-out loss and walk back to the step at which the gradient norm first rose, which with momentum can be several batches
# > before the peak. Clipping by the global norm multiplies the whole gradient by one factor, so it keeps the direction and bounds
# > the step; under SGD that stops an explosion and most of a bad batch's damage, while under Adam the scale already divides out,
# > and what a clip changes is how much a large gradient weighs in the two moments. So I would clip at a limit read from the run's
# > own norms, log the norm before clipping, and expect neither a smooth curve nor the end of spikes: PaLM clipped at 1.0 and
# > still had to rewind."
#
# ## What to log in your own runs
#
# The global norm **before** clipping (after it, a bad batch looks like any other), whether the clip fired, the
# update-to-parameter ratio, held-out loss often enough to tell a hard batch from a hurt model, and which documents each batch
# held, so that a step number leads back to the text.
#
# ## Try it yourself
#
# 1. In the first panel set **momentum** to 0. Is the spike on clean text lower? When does it come, and how long does it last?
#    Predict first, and try three seeds.
# 2. Two bad batches, and eight: `train(bad_batch.arms["sgd"].config.replace(injections=(Injection("repeated_byte",
#    tuple(range(40, 48))),)))`. Does clipping at 1.0 still hold the spike down at eight? What does a limit on one step not limit?
# 3. The lull depends on the memory of the second moment. Train `plain.replace(clip_norm=None, betas=(0.9, 0.95))` on five seeds
#    and compare with "never" and "always" above. Does a shorter memory give you the gain of clipping?
# 4. Write a clip that limits each tensor to an equal share of the global limit, and give it to `train(config, clip=...)` with the
#    exploding `experiments.get("sgd-explosion").arms["clip"].config`. Is bent by tensor worse than bent by element?
#
# **Assignment:** [exercises/a1_clipping/a1_clipping.ipynb](../exercises/a1_clipping/a1_clipping.ipynb). You write both kinds of
# clipping, measure what they do to the direction, and stop an explosion.

# %% [markdown]
# ## Quiz
#
# Every choice has its reason.

# %%
from stabilitylab import quiz

quiz("03")

# %% [markdown]
# ## References
#
# - Pascanu et al. 2013, *On the difficulty of training Recurrent Neural Networks*,
#   [arXiv:1211.5063](https://arxiv.org/abs/1211.5063).
# - Zhang et al. 2019, *Why gradient clipping accelerates training*, [arXiv:1905.11881](https://arxiv.org/abs/1905.11881).
# - Kingma & Ba 2014, *Adam: A Method for Stochastic Optimization*, [arXiv:1412.6980](https://arxiv.org/abs/1412.6980).
# - Chowdhery et al. 2022, *PaLM: Scaling Language Modeling with Pathways*, [arXiv:2204.02311](https://arxiv.org/abs/2204.02311),
#   section 5.1.
# - Zhang et al. 2022, *OPT: Open Pre-trained Transformer Language Models*, [arXiv:2205.01068](https://arxiv.org/abs/2205.01068),
#   section 2.5.
# - Team OLMo 2024, *2 OLMo 2 Furious*, [arXiv:2501.00656](https://arxiv.org/abs/2501.00656), section 3.1.
# - Wortsman et al. 2023, *Stable and low-precision training for large-scale vision-language models*,
#   [arXiv:2304.13013](https://arxiv.org/abs/2304.13013).
# - Bekman 2023, *Machine Learning Engineering Open Book*,
#   [github.com/stas00/ml-engineering](https://github.com/stas00/ml-engineering).
#
# Next: [04 · Clipping is a diagnosis](04_clipping_is_a_diagnosis.ipynb).
