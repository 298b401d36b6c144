# %% [markdown]
# # 02 · Warmup and schedules
#
# **On trial:** the popular recipe that a Transformer needs about 4000 steps of linear warmup, to a peak of d_model^-0.5, because
# the early gradient's variance is effectively infinite, and after it an inverse-square-root decay.
#
# **You will be able to** say which part of a schedule does the work; tell both sides of the quarrel about *why* warmup works;
# choose a decay by what it does to the mean learning rate; derive Noam's peak on a whiteboard; and name three ways in which a
# schedule goes wrong without an error message.
#
# **Time** about 50 minutes. **You need** lesson 01, and its stalled run.

# %% [markdown]
# ## The question
#
# > *"Which learning-rate schedule would you give a Transformer that you have never trained, and what is each part for?"*
#
# The answer that circulates in advice posts is one fluent sentence: the variance of the gradient is effectively infinite in the
# first hundreds of steps, so warm up linearly from 0 over some 4000 steps, up to d_model^-0.5, and from there decay with the
# inverse square root of the step. A course page adds two details: half way through a cosine the rate is half of its base, and
# rates are always positive, so nobody need check.
#
# That is six claims, to be tested one at a time.

# %%
from stabilitylab import predictions

predictions.predict(
    "02-two-by-two",
    "Lesson 01's stalled run, post-LN at 1e-2, gets warmup alone, cosine decay alone, or both. What trains it in most seeds?",
    [
        "Either one alone",
        "Decay alone, and warmup alone does not",
        "Warmup alone, and decay alone does not",
        "Only the two together",
    ],
)

# %% [markdown]
# ## Trial 1: which part is the medicine?
#
# Decay first. The panel trains the stalled run with a cosine from 1e-2 to 0 and no warmup. Then look for the cure yourself: give
# it 25 steps of warmup, then 150, then 150 with **after warmup** set to "stay constant".

# %%
from stabilitylab import experiments, live

halves = experiments.get("warmup-decay")
controls = ["lr", "warmup_steps", "decay", "seed"]
panel = live.panel(halves.arms["decay"].config, controls, curves=("loss", "update_ratio", "lr"))

# %% [markdown]
# The rate falls to nothing, and the loss, but for one spike, lies on the unigram line all the same. Here is the panel's last run
# on top of the four recorded arms, ten seeds each.

# %%
from stabilitylab import evidence, plots

recorded = evidence.recorded("warmup-decay")
plots.panels(
    {
        "neither": recorded["neither"],
        "cosine alone": recorded["decay"],
        "warmup alone": recorded["warmup"],
        "warmup, then cosine": recorded["both"],
        "the panel's last run": [panel.run],
    },
    ("loss", "update_ratio"),
    title="Peak 1e-2: two arms read, two do not (means of 10 steps)",
    colors=(plots.VERMILION, plots.PURPLE, plots.BLUE, plots.GREEN, plots.BLACK),
    smooth=10,
)

# %% [markdown]
# Two families, split by warmup and not by decay. (Lower panel: without warmup a run begins with its largest updates; with it they
# come late, and are survived.) The next figure is the whole case: the 2 x 2, the *dose* of warmup, and a negative control. If
# warmup repairs the stall, it should do little for a model that does not stall. So the pre-LN model gets the same rate without a
# warmup (recorded) and with one (now). The recorded dots are seeds 1000-1019, on which nothing was tuned.

# %%
from stabilitylab import diagnose, train
from stabilitylab.experiments import FRESH_SEEDS

pre_ln = experiments.get("stall-cures").arms["pre-ln"].config.replace(warmup_steps=150)
warmed = [train(pre_ln.replace(seed=seed)) for seed in live.track(range(3), "Three pre-LN models")]


def final(runs):
    return [diagnose(run).final_loss for run in runs]


def ends(name, figure):
    values = evidence.load(name).quantities[f"{figure}-end"]
    return [values[seed] for seed in FRESH_SEEDS]


# %%
dose = {"no warmup": ends("warmup-decay", "neither")}
dose |= {f"{n} steps": ends("warmup-length", f"{n}") for n in (25, 50, 100, 150)}
arms = {
    "post-LN, then constant": dose,
    "post-LN, then cosine to 0": {"no warmup": ends("warmup-decay", "decay"), "150 steps": ends("warmup-decay", "both")},
    "pre-LN, then constant": {"no warmup": ends("stall-cures", "pre-ln"), "150 steps": final(warmed)},
}
marks = {"unigram": panel.run.unigram, "bigram": panel.run.bigram}
title = "Warmup to 1e-2, 300 steps, 20 seeds (pre-LN after warmup: three, just now)"
plots.dots(arms, "loss of the last 30 steps", title=title, references=marks)

# %%
for group, columns in arms.items():
    for setting, values in columns.items():
        print(f"{group:26} {setting:10} {evidence.spread(values, 'nats'):27} {len(values)} seeds")
better = sum(both < alone for both, alone in zip(ends("warmup-decay", "both"), ends("warmup-decay", "warmup")))
print(f"after warmup, cosine ends below constant in {better} of 20 seeds")

# %% [markdown]
# Read three things off it.
#
# - **Warmup is the active ingredient.** Alone it takes the median from 3.27 to 2.73 nats; cosine alone takes it to 3.25, and
#   [leaves 18 of 20 stuck](../docs/experiments.md#warmup-decay). Both runs with warmup end below both without, in 20 of 20 seeds.
#   What decay adds *after* a warmup is smaller, and real: 2.64.
# - **The dose decides.** 25 steps do next to nothing, 50 save some seeds, 100 all but one, 150 every one. "We use warmup" is half
#   a sentence.
# - **No illness, no effect.** The pre-LN model trains without (median 2.53, twenty seeds) and with (2.54, three seeds).
#
# ### So is it 4000 steps?
#
# 4000 is the setting of one paper's run of 100,000. Here the whole run is 300. The Deep Learning Tuning Playbook ([Godbole et al.
# 2023](https://github.com/google-research/tuning_playbook)) declines to name a typical length: some models need 100 steps, some
# Transformers more than 40,000, and it should stay within 10% of the run. By that rule our 150 of 300 is a drastic dose, for a
# drastic peak.

# %% [markdown]
# ## Trial 2: why does it work?
#
# Lesson 01 measured *what* warmup prevents: large early updates, after which the model no longer reads its input. The advice
# offers a reason one level deeper: variance. It is a garbled form of a serious argument, RAdam's (Liu et al. 2019).
#
# Adam multiplies each gradient average $\hat m$ by an adaptive rate, $1/\sqrt{\hat v}$. At the first step $\hat v = g^2$. Model a
# gradient element as pure noise, $g \sim \mathcal N(0, \sigma^2)$; then the mean square of the rate is
#
# $$\mathbb E\left[\frac{1}{\hat v}\right] = \int \frac{1}{g^2}\, \frac{e^{-g^2/2\sigma^2}}{\sqrt{2\pi}\,\sigma}\, dg = \infty .$$
#
# There is the infinity: not in the gradient's variance, which is $\sigma^2$, but in that of the *adaptive rate*. More gradients
# in the average tame it quickly. And the step is not the rate but the product $\hat m/\sqrt{\hat v}$, which at the first step is
# $g/|g| = \pm 1$: as bounded as can be. Both at once, for 200,000 elements of pure noise:

# %%
import torch

noise = torch.Generator().manual_seed(0)
m = v = torch.zeros(1)
rows = ["steps   variance of the rate: 1,000 draws   200,000 draws      mean size of the step"]
for t in range(1, 101):
    g = torch.randn(200_000, generator=noise, dtype=torch.float64)
    m, v = 0.9 * m + 0.1 * g, 0.999 * v + 0.001 * g.square()
    if t in (1, 3, 10, 100):
        rate = (v / (1 - 0.999**t)).rsqrt()
        step = m / (1 - 0.9**t) * rate
        rows.append(f"{t:5} {rate[:1000].var():36.3g} {rate.var():15.3g} {step.abs().mean():20.3f} lr")
print("\n".join(rows))

# %% [markdown]
# At step 1 the variance grows with the number of draws, as that of an infinite-variance quantity does. By the third step it is
# about 1, and it goes on falling. So "infinite" is right for the first two steps only, not for hundreds.
#
# The last column is the rival explanation. Early steps are *large*: the average of one gradient is that gradient, so even noise
# is followed at the full rate; as $\hat m$ averages more of it, noise cancels, and by step 100 the step is about a fifth. (A
# gradient that always agrees keeps its full step.) Ma & Yarats (2019) argue from there: what counts is the size of the update.
#
# ### RAdam is a schedule
#
# RAdam's cure is a factor $r_t$ on the learning rate, from an estimate $\rho_t$ of how many gradients stand behind $\hat v$:
#
# $$\rho_\infty = \frac{2}{1-\beta_2} - 1, \qquad \rho_t = \rho_\infty - \frac{2t\,\beta_2^t}{1-\beta_2^t},
# \qquad r_t = \sqrt{\frac{(\rho_t-4)(\rho_t-2)\,\rho_\infty}{(\rho_\infty-4)(\rho_\infty-2)\,\rho_t}} .$$
#
# While $\rho_t$ is 5 or less (PyTorch's limit; the first five steps), RAdam does not divide by $\sqrt{\hat v}$ at all. The factor
# depends on $t$ and $\beta_2$ and *on nothing that was measured*. To see it, feed PyTorch's RAdam a constant gradient, so that
# $\hat m/\sqrt{\hat v} = 1$, and what is left is $r_t$.

# %%
import math


def radam_factor(t, beta2):
    longest = 2 / (1 - beta2) - 1
    rho = longest - 2 * t * beta2**t / (1 - beta2**t)
    return math.sqrt((rho - 4) * (rho - 2) * longest / ((longest - 4) * (longest - 2) * rho)) if rho > 5 else 0.0


weight = torch.nn.Parameter(torch.zeros(1, dtype=torch.float64))
optimizer, moved = torch.optim.RAdam([weight], lr=1.0), []
for _ in range(250):
    before, weight.grad = weight.item(), torch.full_like(weight, 1e-3)
    optimizer.step()
    moved.append(before - weight.item())
print("first five steps, gradient 1e-3:", [f"{x:.4f}" for x in moved[:5]])
print("largest gap to the formula after them:", f"{max(abs(moved[t - 1] - radam_factor(t, 0.999)) for t in range(6, 251)):.0e}")
for beta2 in (0.999, 0.95):
    print(f"beta2 {beta2}: the factor at steps 40, 100 and 250 is", [round(radam_factor(t, beta2), 2) for t in (40, 100, 250)])

# %%
steps = list(range(1, 251))
factors = {f"RAdam, {b}": [(steps, [radam_factor(t, b) for t in steps])] for b in (0.999, 0.95)}
factors |= {f"linear, 2/(1 - {b})": [(steps, [min(1, t * (1 - b) / 2) for t in steps])] for b in (0.999, 0.95)}
factors["linear, 150 steps"] = [(steps, [min(1, t / 150) for t in steps])]
plots.lines(
    factors, "step", "share of the learning rate", title="RAdam is a warmup whose length comes from beta2 (0.999 or 0.95)"
)

# %% [markdown]
# So RAdam, from its sixth step on, *is* Adam with a warmup schedule. $\rho_\infty + 1 = 2/(1-\beta_2)$ is also the length that Ma
# & Yarats ([2019](https://arxiv.org/abs/1910.04209)) propose for an untuned linear warmup: 2000 steps at 0.999, 40 at 0.95. A
# success of RAdam therefore cannot tell the two explanations apart. Worse: in a run of 250 steps at 0.999 RAdam never goes above
# 0.34 of the rate you asked for.
#
# What *would* tell them apart? A run whose second moment is well estimated, and whose first step is still large. Let Adam see 100
# batches at rate 0, so that its moments fill while no weight moves (in the table above the rate's variance is then down to
# 0.005); then switch on 1e-2.

# %%
predictions.predict(
    "02-filled",
    "Adam has seen 100 batches before it may move; then constant 1e-2, post-LN. In most seeds the run",
    [
        "trains: the second moment was the trouble",
        "trains, but clearly worse than after a warmup",
        "does not train: its first steps are still too large",
        "explodes, because the moments are stale",
    ],
)

# %%
second = experiments.get("second-moment")
plain = second.arms["radam"].config.replace(optimizer="adam")
colder = plain.replace(lr=plain.lr * radam_factor(250, 0.999))
cold = [train(colder.replace(seed=seed)) for seed in live.track(range(5), "Five colder models")]
names = {
    "100 batches\nfirst": "prefilled",
    "warmup\n150": "warmup",
    "RAdam\nbeta2 0.999": "radam",
    "RAdam\nbeta2 0.95": "radam-short",
    "warmup 40\nbeta2 0.95": "untuned-short",
    "warmup 150\nbeta2 0.95": "warmup-short",
}
filled = {label: ends("second-moment", arm) for label, arm in names.items()} | {"constant\n3.4e-3": final(cold)}
title = "Which explanation survives? Peak 1e-2, 250 steps, 20 seeds (last arm: five, just now)"
plots.dots({"post-LN": filled}, "loss of the last 25 steps", title=title, references=marks)

# %%
kept = evidence.recorded("second-moment")
early = {"untreated": recorded["neither"], "100 batches first": kept["prefilled"], "warmup 150": kept["warmup"]}
first = {label: [next(r for r in run.column("update_ratio") if r > 0) for run in runs] for label, runs in early.items()}
noises = [[evidence.load("second-moment").quantities[f"noise-{t}"][seed] for seed in FRESH_SEEDS] for t in (0, 100, 250)]
below = [sum(a < b for a, b in zip(final(cold), final(kept[arm]))) for arm in ("radam", "warmup")]

print("\n".join(f"first update over parameters, {label:18} {evidence.spread(found)}" for label, found in first.items()))
print("noise share of the gradient at step 0, 100, 250:", [evidence.spread(found) for found in noises])
print(f"constant 3.4e-3 ends below RAdam in {below[0]} of 5 seeds, below warmup to 1e-2 in {below[1]} of 5")

# %% [markdown]
# A hundred batches of acquaintance do not help: [20 of 20 seeds fail to train, median
# 3.28](../docs/experiments.md#second-moment), while 150 steps of warmup reach 2.79. The filled run's first update is smaller than
# an untreated one's (1.6% of the weights against 2.4%), and over a hundred times larger than a warmed-up run's. With beta2 0.95
# the untuned warmup ends at step 40, where RAdam's factor has reached 0.8: RAdam is stuck in 16 of 20 seeds, and 150 plain steps
# train. In these arms the dose matters, not where it comes from.
#
# The advice's premise, a noisy early gradient, fails too. The share of the gradient that is noise (its variance over batches,
# over its mean square) is *lowest* at step 0, 0.29, and about 0.75 after 100 and 250 steps. Early batches agree, as one expects
# while all of them teach the same byte frequencies.
#
# ### The quarrel, as it stands
#
# This is **contested**, and one small model does not settle it.
#
# - *For the variance:* Liu et al. (2019). Kalra & Barkeshli (2024) report that a suitable initial value of the second moment
#   gives benefits similar to warmup. Ours was not such a value: it left the first step at two thirds of its size.
# - *For the size of the steps:* Ma & Yarats (2019), by the argument above. Kosson et al. (2024) ask by which measure the steps
#   are too large, and point to the angle they turn the weights by.
# - *For the landscape:* Gilmer et al. (2021) and Kalra & Barkeshli see warmup lead to flatter or better-conditioned regions, in
#   which a larger rate is tolerated.
#
# Our runs fit the second and do not test the third. (Of seeds 0-4 one warmed-up run of this experiment had not got off the
# plateau by step 250; of the twenty fresh ones all had.)
#
# ### What the cure buys
#
# The last arm is Adam with **no warmup at all**, constant at the rate that RAdam only just reaches. It trains, and ends below
# RAdam and below the warmed-up 1e-2 of the same seed in 5 of 5. Warmup made 1e-2 *survivable*; over 250 steps it did not make it
# the best rate. If your peak needs an enormous warmup, try a lower peak first.

# %% [markdown]
# ## Trial 3: the shape of the decay
#
# The same warmup, the same peak, five ways on (`wsd` is warmup-stable-decay: constant, then a linear fall over the last fifth).
# Move the sliders: how do the *means* after warmup change when the run gets longer?

# %%
from stabilitylab import DECAYS, warmup_then


def mean_after_warmup(decay, warmup, total):
    rate = warmup_then(decay, peak_lr=1.0, warmup_steps=warmup, total_steps=total)
    return sum(map(rate, range(warmup, total))) / (total - warmup)


def shapes(warmup_steps, planned_steps, shown_steps):
    shown, drawn = range(0, shown_steps + 1, 5), {}
    for decay in DECAYS:
        rate = warmup_then(decay, peak_lr=1.0, warmup_steps=warmup_steps, total_steps=planned_steps)
        drawn[f"{decay}, mean {mean_after_warmup(decay, warmup_steps, planned_steps):.2f}"] = [(shown, [*map(rate, shown)])]
    title = f"{warmup_steps} steps of warmup, planned for {planned_steps}"
    return plots.lines(drawn, "step", "share of the peak", title=title, references={"half": 0.5})


live.explore(shapes, warmup_steps=[100, 10, 50, 200, 400], planned_steps=[1000, 500, 2000, 4000], shown_steps=[1200, 500, 4000])

# %% [markdown]
# Cosine and linear have mean one half, always. For the inverse square root, warmup $W$ and length $T$,
#
# $$\frac{1}{T-W}\int_W^T \sqrt{\frac{W}{s}}\, ds = \frac{2\sqrt W\,(\sqrt T - \sqrt W)}{T-W} = \frac{2}{1+\sqrt{T/W}} .$$
#
# At $T = 10\,W$ that is 0.48, almost a cosine's. At the paper's $T = 25\,W$ it is 0.33. The name does not fix how cold a run is.
# That suggests a hypothesis: **below the best rate, a decay costs what its mean costs.** Then a *constant* rate at half of the
# peak should end where the decays end.

# %%
for warmup, total in ((20, 200), (4000, 100_000)):
    exact, summed = 2 / (1 + math.sqrt(total / warmup)), mean_after_warmup("inverse_sqrt", warmup, total)
    print(f"inverse square root, {warmup} of {total} steps: mean {summed:.3f}, formula {exact:.3f}")
    print("  others:", {d: round(mean_after_warmup(d, warmup, total), 2) for d in ("cosine", "linear", "wsd")})

# %%
shaped = experiments.get("schedules")
rows = {"constant": "constant", "wsd": "wsd", "cosine": "cosine", "linear": "linear", "inverse sqrt": "inverse-sqrt"}
by_decay = evidence.recorded("schedules")


def decayed(prefix):
    half = shaped.arms[f"{prefix}constant"].config
    half = half.replace(lr=half.lr / 2)
    found = {label: by_decay[prefix + arm] for label, arm in rows.items() if prefix + arm in by_decay}
    found["constant\nat half"] = [train(half.replace(seed=s)) for s in live.track(range(5), "Half the peak")]
    return {label: final(runs) for label, runs in found.items()}


by_peak = {"peak 3e-3": decayed(""), "peak 3e-2": decayed("hot-")}
plots.dots(
    by_peak,
    "loss of the last 20 steps",
    title="Decays after 20 steps of warmup, 200 steps, seeds 0-4 (cosine and linear: mild peak only)",
)

# %%
for label in ("wsd", "cosine", "linear", "inverse sqrt", "constant\nat half"):
    cost = [a - b for a, b in zip(by_peak["peak 3e-3"][label], by_peak["peak 3e-3"]["constant"])]
    print(f"peak 3e-3, {label.replace(chr(10), ' '):16} above the constant rate by {evidence.spread(cost, 'nats')}")
hot = by_peak["peak 3e-2"]
for label in ("constant", "inverse sqrt", "wsd"):
    lower = sum(half < other for half, other in zip(hot["constant\nat half"], hot[label]))
    print(f"peak 3e-2: half of the constant rate ends below {label} in {lower} of 5 seeds")

# %% [markdown]
# The hypothesis holds up well. At the mild peak the three decays end alike ([0.0163 nat apart, twenty
# seeds](../docs/experiments.md#schedules)), and a constant rate at half of the peak costs nearly what they cost: 0.18 nat against
# 0.18 to 0.19 (medians of five seeds). The decay that waits for the last fifth costs almost nothing. The mild rate was not too
# high, and lowering it by any of these formulas only slowed the run.
#
# At ten times that peak the order turns: the inverse square root ends [0.0337 nat *below*
# constant](../docs/experiments.md#schedules) (median). But simply halving the constant rate does at least as well: it ends below
# both in 5 of 5 seeds, and below the late decay in 4 of 5. What decay gained here, a lower rate gained as well, without any
# decay.
#
# Is it inverse square root, then? That is **opinion**: nothing in these runs singles it out. Its own merit is not a matter of
# loss: like warmup-stable-decay (WSD), it need not know where the run ends.

# %% [markdown]
# ## Trial 4: the peak that lost its second factor
#
# The first Transformer's schedule, known as Noam, takes no peak at all (Vaswani et al. [2017](https://arxiv.org/abs/1706.03762)):
#
# $$\text{lr}(s) = d^{-0.5}\,\min\left(s^{-0.5},\; s\,W^{-1.5}\right), \qquad d = \text{d\_model},\; W = \text{warmup steps}.$$
#
# The first piece falls and the second rises, so the peak is where they cross: $s^{-0.5} = s\,W^{-1.5}$ gives $s^{1.5} = W^{1.5}$,
# so $s = W$. There
#
# $$\text{lr}(W) = d^{-0.5}\, W^{-0.5} = (d\,W)^{-0.5}, \qquad \frac{d^{-0.5}}{\text{lr}(W)} = \sqrt W .$$

# %%
from stabilitylab.experiments.schedules.schedule_facts import NOAM_WARMUP, WIDTH, noam

rates = {step: noam(step) for step in range(1, 3 * NOAM_WARMUP)}
at = max(rates, key=rates.get)
print(f"width {WIDTH}: peak {rates[at]:.2e} at step {at}; (d W)^-0.5 = {(WIDTH * NOAM_WARMUP) ** -0.5:.2e}")
print(f"d^-0.5 = {WIDTH**-0.5:.3f}, which is {WIDTH**-0.5 / rates[at]:.1f} times the peak; sqrt(4000) = {math.sqrt(4000):.1f}")

# %% [markdown]
# "Warm up to d_model^-0.5" remembers the factor that stands in front and forgets that the bracket has a height of its own. It
# asks for 0.044 in place of 7.0e-4: 63 times too hot at 4000 steps. Whether a model survives that depends on the model; our small
# post-LN one [ends on the unigram line at 3e-2 already, after 40 steps of warmup](../docs/experiments.md#lr-sensitivity).

# %% [markdown]
# ## Trial 5: at the edges
#
# Schedules fail quietly: whatever number a scheduler sets, the optimizer uses. Start with a favourite.

# %%
predictions.predict(
    "02-half-way",
    "1000 steps, of which 100 are linear warmup, then a cosine to 0. The rate at step 500, as a share of the peak?",
    ["exactly 0.50", "about 0.41", "about 0.59", "about 0.55"],
)

# %%
cosine = warmup_then("cosine", peak_lr=1.0, warmup_steps=100, total_steps=1000)
print(f"cosine: step 500 {cosine(500):.3f}, step 550 {cosine(550):.3f}; with a floor of 0.1: {0.1 + 0.9 * cosine(550):.2f}")
print(f"first step {cosine(0)}, last step of the run {cosine(999):.1e}, step 1000 {cosine(1000)}")
print(f"off by one, warmup counted from 1: first step {1 / 100}, and the peak one step earlier")
over_the_run = 0.5 * (1 + math.cos(math.pi * 150 / 300))
print(f"cosine over the run and not the decay, 150 of 300 steps of warmup: {149 / 150:.3f} to {over_the_run:.3f} in one step")
print(f"length in micro-batches, scheduler called per update of 8 of them: ends at {0.5 * (1 + math.cos(math.pi / 8)):.2f}")

# %% [markdown]
# "Half way, half the rate" **holds** if half way is counted over the *decay*, and the decay goes to 0. Step 500 of this run is
# 400/900 of the way down its cosine: 0.587. With a floor of 0.1 even the true half way has 0.55.
#
# Three slips follow. Whether a warmup is counted from 0 or from 1 makes a difference of one part in $W$: harmless, as long as you
# know that counted from 0 the first step has a rate of **exactly 0**. A cosine that counts its progress over the whole run is not
# harmless: at the end of a long warmup it drops to half at once. And where the length is given in micro-batches and the scheduler
# counts updates, the run is over when the cosine has come down to 0.96.
#
# Now the claim that rates are always positive. The end of a decay is 0. Past it, a line written by hand,
# `1 - (step - warmup) / (end - warmup)`, goes on. The optimizer's constructor would refuse a negative rate; from a scheduler [it
# takes one, and walks uphill](../docs/experiments.md#schedule-facts). Three seeds, planned for 120 steps and run for 160, and the
# first of them again with `max(0, ...)`:

# %%
base = shaped.arms["linear"].config.replace(lr=1e-2, steps=160)


def by_hand(lowest):
    return lambda step: base.lr * (step / 20 if step < 20 else max(lowest, 1 - (step - 20) / 100))


floors = {"with a floor at 0": 0.0, "as written": -math.inf}
past = {label: [] for label in floors}
for label, seed in live.track([("with a floor at 0", 0), *(("as written", seed) for seed in range(3))], "Past the end"):
    past[label].append(train(base.replace(seed=seed), schedule=by_hand(floors[label])))
title = "A linear decay that ends at step 120, run for 160"
plots.panels(past, ("loss",), title=title, colors=(plots.GREEN, plots.VERMILION))

# %%
for label, runs in past.items():
    print(f"{label:18} lowest rate {min(runs[0].column('lr')):.1e}, ends at {evidence.spread(final(runs), 'nats')}")
print("first spike without a floor at steps", sorted(diagnose(run).spikes[0] for run in past["as written"]))

# %% [markdown]
# At first nothing shows, because the rate is still close to 0: the seeds have risen by 1 nat at steps 136 to 146. Then the model
# is un-trained faster than it was trained (the axis ends above 7; the losses go on). PyTorch's own schedulers that we tried never
# go negative: the linear one stays at 0, and `CosineAnnealingLR` climbs [back to the base
# rate](../docs/experiments.md#schedule-facts) at twice its length.

# %% [markdown]
# ## The verdict

# %%
from stabilitylab import ledger

ledger.verdicts("B3", "B4", "B5", "B6", "C3", "C6")

# %% [markdown]
# B4 rests on the 2 x 2 and the dose; its condition has a second half, met in lesson 01: with [fp16
# weights](../docs/experiments.md#fp16-weights) the arithmetic breaks and no warmup helps. B3 is false as stated, here, on the
# filled run and on the noise measured at step 0; the mechanism behind warmup is **contested**. B5 is opinion. B6, C3 and C6 are
# arithmetic and hold or fail exactly, on any seed.
#
# ### What this does not show
#
# - **What a decay is worth in a long run.** 200 steps are all warmup by real standards, and all losses are training losses. For
#   LLMs at compute-optimal lengths, each schedule at its best peak, [Bergsma et al. 2025](https://arxiv.org/abs/2502.15938)
#   report that a linear decay to zero wins.
# - **A rule for the length.** It depends on model, peak and beta2; we have one model and one peak.
# - **That variance never matters.** The filled moments are those of an untrained model and go stale as it moves, and by RAdam's
#   own reckoning 100 batches are few: its factor would still stand at 0.22.
# - **That the mean rate is all.** It accounts for most of what we saw, at two peaks, in five seeds, on one model.
#
# **At 7B parameters** the parts are the same and the proportions are not (recall the Playbook's 10%). [Wortsman et al.
# 2023](https://arxiv.org/abs/2309.14322) find that a longer warmup lowers the sensitivity to the learning rate, most clearly in
# the larger models. A run whose length is still being negotiated wants a schedule that can wait: MiniCPM's WSD ([Hu et al.
# 2024](https://arxiv.org/abs/2404.06395)) decays last, and in their small-model runs 10% of the tokens were enough for it, and
# 2.5% were not.

# %% [markdown]
# ## What you predicted

# %%
predictions.review(
    "02-two-by-two",
    "Warmup alone trained all 20 seeds; decay alone left 18 of 20 stuck.",
    outcome="Warmup alone, and decay alone does not",
)
predictions.review(
    "02-filled",
    (
        "It did not train in 20 of 20 seeds, though its second moment rested on 100 batches: its first step was still two "
        "thirds of an untreated one."
    ),
    outcome="does not train: its first steps are still too large",
)
predictions.review(
    "02-half-way",
    "0.587: step 500 is 400/900 of the way through the decay. Half of the peak comes at step 550.",
    outcome="about 0.59",
)

# %% [markdown]
# ## In the interview, in three sentences
#
# > "I would warm up linearly, starting with a few percent of the run, because under Adam the first steps are as large as the
# > learning rate whatever the gradient, and a peak that a warmed-up model survives can stall the untrained one; why exactly is
# > contested, but in controlled runs small first steps helped and a well-filled second moment did not. For the decay I would take
# > cosine if I know the length and warmup-stable-decay if I do not: in the short runs I have seen, the mean rate explained most
# > of what the shape is credited with. And I would log the rate that the optimizer really used and test the schedule at its first
# > step, its peak, its end and past it, because a wrong rate raises no error."
#
# ## What to log in your own runs
#
# The learning rate **read from the optimizer** at each update, not from the config; the update-to-parameter ratio over the first
# few hundred steps; the step count in *updates*, beside micro-batches and tokens. Before the run: the schedule as a list of
# numbers, with four assertions (first step, highest value and where, last step, one step past the end).
#
# ## Try it yourself
#
# 1. The dose and the peak. In the panel, halve the peak to 5e-3 with "stay constant". How much warmup does it need now? Find the
#    shortest that trains seeds 0, 1 and 2.
# 2. Is it ever too late? `train(halves.arms["neither"].config.replace(seed=0), schedule=lambda step: 1e-2 if step < 20 else
#    3e-3)` gives twenty hot steps, then a rate that trains from scratch. Compare seeds 0 and 1. (Lesson 07 comes back to this.)
# 3. The misremembered Noam. For `shaped.arms["constant"].config` with `steps=300, warmup_steps=150`, compare a peak of
#    `(32 * 150) ** -0.5` with `32 ** -0.5`. Predict both verdicts first.
#
# **Assignment:** [exercises/a2_schedules/a2_schedules.ipynb](../exercises/a2_schedules/a2_schedules.ipynb). You write the
# schedules of this lesson, edges included, read a learning-rate range test, and free the stalled run with your own warmup.

# %% [markdown]
# ## Quiz
#
# Answer from the lesson; every choice has its reason.

# %%
from stabilitylab import quiz

quiz("02")

# %% [markdown]
# ## References
#
# - Vaswani et al. 2017, *Attention Is All You Need*, [arXiv:1706.03762](https://arxiv.org/abs/1706.03762), section 5.3.
# - Liu et al. 2019, *On the Variance of the Adaptive Learning Rate and Beyond* (RAdam),
#   [arXiv:1908.03265](https://arxiv.org/abs/1908.03265).
# - Ma & Yarats 2019, *On the Adequacy of Untuned Warmup for Adaptive Optimization*,
#   [arXiv:1910.04209](https://arxiv.org/abs/1910.04209).
# - Gilmer et al. 2021, *A Loss Curvature Perspective on Training Instability in Deep Learning*,
#   [arXiv:2110.04369](https://arxiv.org/abs/2110.04369).
# - Kalra & Barkeshli 2024, *Why Warmup the Learning Rate?*, [arXiv:2406.09405](https://arxiv.org/abs/2406.09405).
# - Kosson et al. 2024, *Analyzing & Reducing the Need for Learning Rate Warmup in GPT Training*,
#   [arXiv:2410.23922](https://arxiv.org/abs/2410.23922).
# - Hu et al. 2024, *MiniCPM* (warmup-stable-decay), [arXiv:2404.06395](https://arxiv.org/abs/2404.06395).
# - Bergsma et al. 2025, *Straight to Zero: Why Linearly Decaying the Learning Rate to Zero Works Best for LLMs*,
#   [arXiv:2502.15938](https://arxiv.org/abs/2502.15938).
# - Wortsman et al. 2023, *Small-scale proxies for large-scale Transformer training instabilities*,
#   [arXiv:2309.14322](https://arxiv.org/abs/2309.14322).
# - Godbole et al. 2023, *Deep Learning Tuning Playbook*,
#   [github.com/google-research/tuning_playbook](https://github.com/google-research/tuning_playbook).
#
# Next: [03 · Loss spikes and clipping](03_spikes_and_clipping.ipynb)
