# %% [markdown]
# # 06 · Detect and recover
#
# **On trial:** the popular claim that a diverged run is saved by going back to the last good checkpoint with a lower learning
# rate.
#
# **You will be able to** say which signal notices which incident first, explain why clipping never removes a NaN, read an
# update-to-parameter ratio, put accumulation, unscaling, clipping and the step in the right order, and choose between other
# batches and a lower rate after a rollback.
#
# **Time** about 60 minutes. **You need** lessons 00 and 01, and what a loss scale is (a factor on an fp16 loss, divided out of
# the gradients again).

# %% [markdown]
# ## Two public logs, two cures
#
# The [PaLM report](https://arxiv.org/abs/2204.02311) says that the loss of its largest model spiked about 20 times, although
# gradients were clipped. The cure: restart about 100 steps before the spike and **skip about 200-500 batches**.
#
# The [OPT-175B paper](https://arxiv.org/abs/2205.01068) describes its divergences too. The cure: restart from an earlier
# checkpoint with **a lower learning rate**. The team's
# [notes](https://github.com/facebookresearch/metaseq/tree/main/projects/OPT/chronicles) cover about 90 restarts of the final line
# of runs (not all were divergences: failed hardware alone caused at least 35 manual ones).
#
# One changes the batches, the other the rate, and both runs went on. Hence the interview question:
#
# > *"Your run diverges overnight. What wakes you, where do you go back to, and what do you change?"*
#
# Commit to two predictions before anything runs.

# %%
from stabilitylab import predictions

predictions.predict(
    "06-nan-alarm",
    (
        "Four incidents: bad batches, an explosion, an fp16 overflow, a start so hot that the run gets stuck. How many does an "
        "alarm on a non-finite loss catch within ten steps?"
    ),
    ["All four", "Three", "One", "None"],
)
predictions.predict(
    "06-rollback",
    (
        "Four bad batches have damaged an SGD run. You go back to before them and train on the SAME batches at 0.15 times the "
        "rate. Where does the run end?"
    ),
    [
        "Level with a twin that never saw the bad batches",
        "Half-way between that twin and the damaged run",
        "About as far above the twin as the damaged run, or further",
        "In NaN: the batches kill it a second time",
    ],
)

# %% [markdown]
# ## One incident, three signals
#
# A two-layer pre-LN model trains under SGD. At steps 60 to 63 the whole batch is one repeated byte, as if a data shard were
# corrupt. Watch the loss, the global gradient norm and the **update-to-parameter ratio**: the length of the update over the
# length of the weights.
#
# Then switch **bad batches** to none, the control; then try **clip norm** 1.0 with them on.

# %%
from stabilitylab import evidence, experiments, live, plots

alarms = experiments.get("alarms")
panel = live.panel(
    alarms.arms["bad-batch"].config.replace(seed=7),
    controls=["injections", "clip_norm", "optimizer", "lr", "seed"],
    curves=("loss", "grad_norm", "update_ratio"),
)

# %% [markdown]
# All three jump at step 60. The loss then *falls* while the bad batches last, since one byte is easily learned, and it is high
# again on the clean batches from step 64 on: the weights have moved. No number is ever inf or NaN.
#
# ## Four incidents, four alarms
#
# A signal is a curve; an alarm is a rule about it. The experiment `alarms` tries four rules on four incidents and two healthy
# runs.
#
# | alarm | sounds when |
# |---|---|
# | loss NaN | the loss is inf or NaN |
# | loss spike | the loss is more than 1 nat above the median of the 20 steps before |
# | gradient | the norm is inf or NaN, or above 4 times the median of the last 50 |
# | update | the update ratio is inf or NaN, or above 0.01 in the first three steps |
#
# The explosion is Adam without norms or warmup at 3e-2. The overflow is an fp16 run whose loss scale doubles at every step. The
# stuck run is the post-LN model of lesson 01 at constant 1e-2, which washes its input out and ends near the unigram line.

# %%
import math
from statistics import median

from stabilitylab.experiments import FRESH_SEEDS
from stabilitylab.experiments.spikes.alarms import ALARMS, INCIDENTS, WITHIN

first_alarm = evidence.load("alarms").quantities


def delays(incident, alarm):
    late = [first_alarm[f"{incident}-{alarm}"][seed] - INCIDENTS[incident] for seed in FRESH_SEEDS]
    return [delay if 0 <= delay < WITHIN else WITHIN for delay in late]


named = {"loss-nonfinite": "loss NaN", "loss-spike": "loss spike", "gradient": "gradient", "update": "update"}
plots.dots(
    {named[alarm]: {incident: delays(incident, alarm) for incident in INCIDENTS} for alarm in ALARMS},
    "steps until the alarm",
    title="Which alarm sounds when, twenty seeds each (missed: not within ten steps)",
    references={"missed": WITHIN},
)

# %%
print(f"{'caught within ten steps':24}" + "".join(f"{named[alarm]:>13}" for alarm in ALARMS))
for incident in INCIDENTS:
    caught = [sum(delay < WITHIN for delay in delays(incident, alarm)) for alarm in ALARMS]
    print(f"{incident:24}" + "".join(f"{count:>7} of 20" for count in caught))
print("\nfalse alarms, in 80 steps of a healthy run")
for healthy in ("sgd", "adam"):
    fired = [sum(first_alarm[f"{healthy}-{alarm}"][seed] < math.inf for seed in FRESH_SEEDS) for alarm in ALARMS]
    print(f"{healthy:24}" + "".join(f"{count:>7} of 20" for count in fired))

# %% [markdown]
# Another seed, trained now:

# %%
rows = []
for incident in live.track(list(INCIDENTS), "Training four incidents"):
    run = alarms.run(incident, seed=7)
    when = ", ".join(f"{named[alarm]} {rule(run):g}" for alarm, rule in ALARMS.items())
    rows.append(f"{incident:10} begins at step {INCIDENTS[incident]:2}; first alarm at step: {when}")
print("\n".join(rows))

# %% [markdown]
# **No single alarm catches all four, and together they do, in 20 of 20 seeds.** A non-finite loss catches one, the overflow, and
# is the last to notice it. The update alarm gives away the two hot starts at step 0, before any other alarm. The gradient alarm
# catches three and pays for it: it also fires in 12 of 20 *healthy* Adam runs. It is a reason to look, not to roll back.
#
# Read the silences with care too. On the bad batches the update alarm says nothing: its limit of 0.01 is armed for three steps
# only. (A limit relative to its recent median sounds in every healthy warmup, [where the ratio grows by
# design](../docs/experiments.md#alarms).) The ratio itself:

# %%
for run in evidence.recorded("alarms")["bad-batch"]:
    ratio, norm = run.column("update_ratio"), run.column("grad_norm")
    usual = median(ratio[40:60]), median(norm[40:60])
    print(
        f"seed {run.seed}: at step 60 the ratio is {ratio[60] / usual[0]:.1f} times its usual, the norm "
        f"{norm[60] / usual[1]:.0f} times"
    )

# %% [markdown]
# It rises five- to sixfold. A silent alarm says something about its rule first, and about the run second.
#
# ## What waiting for NaN costs
#
# In the explosion the loss stays finite for all 40 steps, in every seed: an alarm on NaN sleeps through it. Two SGD runs do end
# in NaN: in `sgd-explosion` the rate is too high from the start, in the hot run of `rollback` it climbs until the model cannot
# take it.

# %%
for name, arm in (("sgd-explosion", "unclipped"), ("rollback", "hot")):
    for run in evidence.recorded(name)[arm][:5]:
        spike, norm, nan = (ALARMS[alarm](run) for alarm in ("loss-spike", "gradient", "loss-nonfinite"))
        print(
            f"{name:14} seed {run.seed}: loss spike {spike:2}, gradient {norm:2}, NaN {nan:2}: {nan - min(spike, norm):2} "
            "steps asleep"
        )

# %% [markdown]
# In the second kind the detector sleeps for 16 steps and more (seed 2's first spike passed; its gradient alarm at 45 was the real
# one). Those steps cost more than compute: a checkpoint saved meanwhile holds a broken model. Save every $k$ steps, notice $d$
# steps late, and up to $\lceil d/k \rceil$ checkpoints fall into those $d$ steps: keep at least one more.

# %% [markdown]
# ## Three NaNs, one pill
#
# "A NaN after a few hundred steps is most likely gradient explosion; clip at 1.0." Give the pill to three runs that reach NaN,
# all of them sooner: the SGD explosion (recorded), fp16 weights at Adam's usual epsilon, and a static loss scale of $2^{24}$
# (both trained now).

# %%
from stabilitylab import diagnose, train

explosion = evidence.recorded("sgd-explosion")
for label, arm in (("as it is", "unclipped"), ("clipped at 1.0", "clip")):
    print(f"{'explosion':18} {label:15} non-finite at step {[diagnose(run).nonfinite_at for run in explosion[arm][:5]]}")
for name, arm in (("fp16-weights", "pure"), ("loss-scaling", "static-high")):
    config = experiments.get(name).arms[arm].config.replace(steps=4)
    for label, limit in (("as it is", None), ("clipped at 1.0", 1.0)):
        runs = [train(config.replace(clip_norm=limit, seed=seed)) for seed in range(5)]
        print(f"{name:18} {label:15} non-finite at step {[diagnose(run).nonfinite_at for run in runs]}")

# %% [markdown]
# On fresh seeds clipping alone rescues the explosion in [20/20](../docs/experiments.md#sgd-explosion). It does nothing for the
# other two, where nothing grows from step to step: Adam divides by 0, because fp16 rounds its second moment and its epsilon to 0,
# and a scaled gradient [passes 65504](../docs/experiments.md#fp16-overflow) at once.
#
# Once a NaN is in the gradient, no limit helps. Clipping multiplies every element by one factor,
#
# $$f = \min\!\left(1, \frac{L}{\lVert g\rVert}\right).$$
#
# - One element is inf: $\lVert g\rVert = \infty$ and $f = L/\infty = 0$. Every finite element becomes 0, and the inf becomes
#   $\infty \cdot 0 = \text{NaN}$.
# - One element is NaN: $\lVert g\rVert$ is NaN, $f$ is NaN, and so is every element.
# - All elements are finite but the norm overflows its format: $f = 0$, and a sound gradient is erased without a word.

# %%
import torch

cases = {
    "finite": torch.tensor([3.0, 4.0, 12.0]),
    "an inf": torch.tensor([3.0, 4.0, math.inf]),
    "a NaN": torch.tensor([3.0, 4.0, math.nan]),
    "fp16 overflow": torch.full((3,), 6e4, dtype=torch.float16),
}
for label, gradient in cases.items():
    weights = torch.nn.Parameter(torch.zeros_like(gradient))
    weights.grad = gradient
    norm = torch.nn.utils.clip_grad_norm_(weights, max_norm=1.0)
    print(f"{label:14} norm before {norm.item():5.3g}   after clipping {[round(x, 3) for x in weights.grad.tolist()]}")

# %% [markdown]
# The NaN that is left writes itself into the weights at the next step, and from then on every loss is NaN. What does help is one
# line: `if not norm.isfinite(): skip this step`. torch's `GradScaler`, which manages a loss scale, does that for you. (Once the
# *weights* hold a NaN, it is too late to skip: go back.)
#
# ## The update-to-parameter ratio
#
# A popular rule says that a healthy update is about a thousandth of the weights. Here it is in five settings.

# %%
sizes = evidence.recorded("update-ratio")
shown = {
    "Adam 3e-3, Xavier": "xavier",
    "Adam 3e-3, N(0, 0.02)": "gpt2",
    "SGD 0.3, N(0, 0.02)": "sgd",
    "crawling": "cold",
    "stuck": "stuck",
}
plots.lines(
    {label: [(run.column("step")[1:], run.column("update_ratio")[1:]) for run in sizes[arm]] for label, arm in shown.items()},
    "step",
    "update / parameter",
    title="Three healthy runs, one that crawls, one that is stuck: five seeds each",
    logarithmic=True,
    colors=(plots.GREEN, plots.BLUE, plots.SKY, plots.ORANGE, plots.VERMILION),
    references={"the rule: 1e-3": 1e-3},
)

# %% [markdown]
# All three healthy runs train in [20/20 seeds](../docs/experiments.md#update-ratio), and over the second half their median ratios
# are 0.0017, 0.0074 and 0.013. The same optimizer at the same rate differs by a factor of four, only because of how the weights
# begin. The run that *is* stuck settles at a median of 0.0014: by the rule, the picture of health. It is an order of magnitude,
# and no target.
#
# ### Why it follows the initialisation
#
# Adam moves element $i$ by $\text{lr}\cdot u_i$ with $u = \hat m/(\sqrt{\hat v}+\epsilon)$. Call $c$ the root mean square of $u$.
# A vector of $n$ elements is $\sqrt n$ times its root mean square long, so
#
# $$\frac{\lVert\Delta\theta\rVert}{\lVert\theta\rVert} = \frac{\text{lr}\cdot\sqrt{n}\,c}{\sqrt{n}\,\operatorname{rms}(\theta)}
# = \text{lr}\cdot\frac{c}{\operatorname{rms}(\theta)}.$$
#
# At Adam's first step every $u_i$ with a gradient is $\pm 1$ (lesson 01), so $c$ is nearly 1. Later $c$ says how well recent
# gradients agree: near 1 if they all point one way, small if they are mostly noise. The rest is the size of the weights. The next
# cell measures both factors for every matrix.

# %%
from stabilitylab import Trainer
from stabilitylab.experiments.optimizers.update_ratio import GPT2

trainer = Trainer(GPT2.replace(model__layers=4, seed=7))
matrices = {name.removesuffix(".weight"): p for name, p in trainer.model.named_parameters() if p.ndim == 2}
table = {name: [] for name in matrices}
before = {name: p.detach().clone() for name, p in matrices.items()}
for record in trainer.steps():
    for name, p in matrices.items():
        moved, rms = (p.detach() - before[name]), before[name].square().mean().sqrt().item()
        if record.lr:
            c = moved.square().mean().sqrt().item() / record.lr
            table[name].append((record.step, record.lr * c / rms, c, rms))
        before[name].copy_(p.detach())

# %%
kinds = {
    "output head": ("head",),
    "byte embedding": ("byte_embedding",),
    "attention": (".qkv", ".attention.out"),
    "MLP": (".mlp.",),
}
grouped = {
    kind: [tuple(zip(*[row[:2] for row in table[name]])) for name in table if any(part in name for part in parts)]
    for kind, parts in kinds.items()
}
plots.lines(
    grouped,
    "step",
    "update / parameter",
    title="One healthy run, four layers: one line per matrix",
    colors=(plots.VERMILION, plots.BLACK, plots.PURPLE, plots.SKY),
    each="matrix",
)

# %%
for name in ("head", "blocks.0.mlp.up", "blocks.3.mlp.up", "byte_embedding"):
    for step, ratio, c, rms in (table[name][19], table[name][-1]):
        print(f"{name:16} step {step:3}   ratio {ratio:.4f} = lr x {c:.2f} / {rms:.3f}")

# %% [markdown]
# At step 20, the end of the warmup, the head is rewritten by almost a tenth per step, more than three times as fast as any other
# matrix: its gradients agree from step to step ($c$ near 1). At the end it is the slowest: its $c$ is like that of the others,
# and its weights have grown to 0.113. Meanwhile an attention matrix has had a burst of its own. One number for the whole model
# hides all this. So compare with *the same matrix at the same step of a good run*, above all in the first steps, and not with
# 1e-3.
#
# ## The order of operations
#
# A batch too large for memory is *accumulated*: computed as several micro-batches whose gradients are averaged. With that and a
# loss scale there is one right order: **accumulate, unscale, clip, step**. Two wrong ones:
#
# *Clip before unscaling.* The scaled gradient is $S g$. Clipping leaves length $\min(S\lVert g\rVert, L)$; dividing by $S$
# afterwards makes that $\min(\lVert g\rVert, L/S)$. The limit is not $L$ but $L/S$.
#
# *Clip each micro-batch.* The mean of $K$ gradients, each cut to length $L$ or less, has length at most $L$, and reaches it only
# if all have that length and point the same way. A micro-batch is noisier than the mean of eight, and so longer: it is cut where
# the mean would not be.

# %%
from torch.nn.utils import clip_grad_norm_


def optimizer_step(trainer, optimizer, scaler, micro_batches, limit):
    optimizer.zero_grad(set_to_none=True)
    for inputs, targets in micro_batches:
        scaler.scale(trainer.loss(inputs, targets) / len(micro_batches)).backward()  # accumulate
    scaler.unscale_(optimizer)  # unscale
    norm = clip_grad_norm_(trainer.parameters, limit)  # clip; it returns the norm from BEFORE: log that one
    scaler.step(optimizer)  # step, left out if a gradient is inf or NaN
    scaler.update()
    return norm.item()


trainer = experiments.get("unscale-order").trainer("sgd", seed=7)
parts = trainer, torch.optim.SGD(trainer.parameters, lr=0.1), torch.amp.GradScaler("cpu", init_scale=2.0**15)
norms = [optimizer_step(*parts, [trainer.batches(8 * step + k) for k in range(8)], limit=1.0) for step in range(15)]
print("norms before clipping:", [round(norm, 2) for norm in norms])

# %% [markdown]
# Now the two mistakes, with the limit at the length of the mean gradient, which the right order leaves alone:

# %%
gradients = []
for k in range(8):
    trainer.optimizer.zero_grad()
    trainer.loss(*trainer.batches(200 + k)).backward()
    gradients.append(torch.cat([p.grad.flatten() for p in trainer.parameters]))
mean, scale = torch.stack(gradients).mean(dim=0), 2.0**15
limit = mean.norm()


def clip(g):
    return g * min(1.0, limit / g.norm())


print(f"accumulate, unscale, clip   {clip(mean).norm():.3g}")
print(f"clip, then unscale          {(clip(scale * mean) / scale).norm():.3g}, which is the limit over 2^15: {limit / scale:.3g}")
print(f"clip each micro-batch       {torch.stack([clip(g) for g in gradients]).mean(dim=0).norm():.3g}")

# %% [markdown]
# Over twenty seeds at scale $2^{15}$ and limit 1.0: in the right order SGD's loss falls by a median of [2.73
# nats](../docs/experiments.md#unscale-order), in the wrong one by 0.014. Nothing in the log is red. Under Adam both orders end
# within 0.1 nat of each other in 20/20 seeds, because Adam divides the length out: it *hides* the bug, while the logged norm is
# $2^{15}$ times the true one. What clipping each micro-batch costs depends on how well they agree: in another model, after 30
# steps, a median of [0.62 of the length is left, 0.36 to 0.83](../docs/experiments.md#accumulation).
#
# Log the norm from **before** clipping. Afterwards it reads at most $L$, whatever happens, and the gradient alarm is blind.
#
# ## Going back: batches or rate?
#
# The experiment `rollback` has two accidents. In the first, four bad batches hit a healthy run at steps 60 to 63. In the second
# all batches are clean, and the rate climbs towards thirty times the healthy one. At step 80, or at a NaN before, both go back to
# the checkpoint from before step 40. Then *one* thing is changed: the batches up to step 79, or the rate, to 0.15 of what was
# scheduled.
#
# The controls are a **twin** that never saw a bad batch, and a second twin that is slowed in the same way: it shows what a lower
# rate costs by itself. First one seed, trained now; the two ways back leave the damaged run at step 40.

# %%
import dataclasses

rollback = experiments.get("rollback")
arms = ("twin", "bad", "bad-replay", "bad-lower", "bad-other")
mine = {arm: rollback.run(arm, seed=7) for arm in live.track(arms, "Five runs")}


def without_abandoned(run):
    """The run as the model remembers it: the steps up to the checkpoint, then those after going back."""
    back = max(i for i, record in enumerate(run.records) if record.step == 40)
    return dataclasses.replace(run, records=[*run.records[:40], *run.records[back:]])


same = without_abandoned(mine["bad-replay"]).column("loss") == mine["bad"].column("loss")
print("going back and changing nothing repeats every loss to the last bit:", same)
plots.panels(
    {
        "the run with bad batches": [mine["bad"]],
        "back to 40, 0.15 times the rate": [without_abandoned(mine["bad-lower"])],
        "back to 40, other batches": [without_abandoned(mine["bad-other"])],
        "twin without bad batches": [mine["twin"]],
    },
    ("loss", "lr"),
    title="Bad batches at 60-63: two ways back, one seed (means of 4 steps)",
    colors=(plots.VERMILION, plots.ORANGE, plots.BLUE, plots.BLACK),
    smooth=4,
)

# %% [markdown]
# Changing nothing repeats the run, accident included. (The slow run's loss is high *on* the bad batches, which it learns less
# quickly; what counts is the clean text after them.) Here are the ends over twenty seeds. "Slow, clean" is the control: no
# accident, only the lower rate. "Skip rule" never goes back; it leaves out every update whose gradient norm is above 4 times the
# median of the last 50.

# %%
from stabilitylab.experiments.spikes.rollback import final

ended = evidence.load("rollback").quantities
figures = {"untreated": "bad-gap", "low rate": "lower-gap", "slow, clean": "lower-price", "new data": "other-gap"}
figures |= {"skip rule": "rule-gap", "hot: low rate": "hot-lower-gap"}
ends = {label: [ended[figure][seed] for seed in FRESH_SEEDS] for label, figure in figures.items()}
again = evidence.load("rollback").held["other-batches-do-not-cure-heat"]
ends["hot: new data"] = [math.inf for seed in FRESH_SEEDS if again[seed]]
now = {"untreated": "bad", "low rate": "bad-lower", "new data": "bad-other"}
plots.dots(
    {
        "seeds 1000-1019": ends,
        "seed 7, just now": {label: [final(mine[arm]) - final(mine["twin"])] for label, arm in now.items()},
    },
    "nats above the twin",
    title="Where each run ends (cross: diverged again)",
    references={"twin": 0.0},
)

# %%
for outcome in rollback.check([run for runs in evidence.recorded("rollback").values() for run in runs]):
    fresh = evidence.load("rollback").held[outcome.name]
    print(f"{sum(fresh[seed] for seed in FRESH_SEEDS):2} of 20 seeds   {outcome.expectation.states}")

# %% [markdown]
# - **Batches were the cause.** Other batches at the *same* rate end within 0.05 nat of the twin, in every seed. The same batches
#   at the lower rate end a median of 0.31 nat above it; the untreated run ends 0.21 above.
# - **Why does the lower rate fail?** Not because the batches win: at the lower rate they do less harm (medians of 0.26 nat on the
#   16 clean steps after them, against 1.34). The control says why: with *no* accident, the slowed run ends 0.28 above its twin.
# - **The rate was the cause.** Other batches diverge again in 20 of 20 seeds. The lower rate stays finite and ends a median of
#   [0.03 nat above the run that was never hot, 0.48 at worst](../docs/experiments.md#rollback). A rescue, no triumph: 2 of 5
#   recorded runs are still at the unigram line.
# - **No rollback at all.** The skip rule leaves out all four bad updates and ends at most 0.055 nat above the twin. On clean
#   batches it skips a median of 0 updates a run, and up to 5.
#
# And the hot runs:

# %%
hot = evidence.recorded("rollback")
plots.panels(
    {
        "hot: the rate climbs towards 3.0": hot["hot"],
        "back to 40, other batches": [without_abandoned(run) for run in hot["hot-other"]],
        "back to 40, 0.15 times the rate": [without_abandoned(run) for run in hot["hot-lower"]],
    },
    ("loss", "lr"),
    title="Too hot, on clean batches: five seeds",
    colors=(plots.VERMILION, plots.BLUE, plots.ORANGE),
)

# %% [markdown]
# **Why not both?** No arm did. By the control, a run hurt by data should then end like the slowed clean twin: cured, and some
# 0.28 nat behind for nothing. And when it trains, nobody knows which change did it. With one try left, take both, and write down
# that the cause is unknown. With two, change the batches first, because that try *tells*: right, it ended level with the twin,
# and wrong, it diverged again, as the blue runs above. The lower rate stayed finite in every run, whatever the cause.
#
# ## What a checkpoint must hold
#
# The replay repeated to the last bit because nothing was missing. *Everything that decides the next step* must be there: weights,
# optimizer state (moments and step count), position in the schedule, the loss scaler's scale and its count of good steps,
# position in the data, and every random state that is drawn from (dropout, shuffling). What happens if the optimizer's state is
# lost? Commit:

# %%
predictions.predict(
    "06-lost-state",
    (
        "An Adam run is resumed at step 60 from its weights, in the right place of data and schedule, with a fresh optimizer. "
        "What shows it?"
    ),
    [
        "The loss jumps by 1 nat or more",
        "The first update is several times too large, and the loss hardly shows it",
        "NaN",
        "Nothing: Adam's state is rebuilt before it matters",
    ],
)


# %%
def resumed(seed, lost):
    """The 20 steps after a restart at step 60, and the same steps of a run that was never interrupted."""
    config = alarms.arms["adam"].config.replace(seed=seed)
    uninterrupted = Trainer(config)
    for record in uninterrupted.steps():
        if record.step == 59:
            checkpoint = uninterrupted.state()
            break
    trainer, rest = Trainer(config), list(uninterrupted.steps(first=60))
    trainer.model.load_state_dict(checkpoint["model"])
    if lost != "optimizer":
        trainer.restore(checkpoint)
    if lost == "schedule":  # the step count begins at 0 again, and so does the warmup
        trainer.schedule = lambda step, scheduled=trainer.schedule: scheduled(step - 60)
    return list(trainer.steps(first=60)), rest


jobs = [(lost, seed) for lost, count in (("nothing", 5), ("schedule", 5), ("optimizer", 20)) for seed in FRESH_SEEDS[:count]]
restarts = {}
for lost, seed in live.track(jobs, "Restarts"):
    new, old = resumed(seed, lost)
    after, uninterrupted = ([record.loss for record in records] for records in (new, old))
    times, change = new[0].update_ratio / old[0].update_ratio, (sum(after) - sum(uninterrupted)) / 20
    restarts.setdefault(lost, []).append((after == uninterrupted, times, change))
for lost, results in restarts.items():
    same, times, change = map(sorted, zip(*results))
    print(
        f"lost {lost:9}  same numbers in {sum(same)} of {len(results):2} seeds; first update {times[0]:.1f} to {times[-1]:.1f} "
        f"times as large; mean loss of 20 steps {change[0]:+.3f} to {change[-1]:+.3f}, median {median(change):+.3f}"
    )

# %% [markdown]
# Without its state Adam takes its *first* step again, the one with $c$ near 1, and without a warmup to soften it: 2.0 to 5.5
# times the usual ratio. The loss barely notices: its mean over 20 steps moves up or down (median +0.005 nat), by 0.204 at worst.
# A lost schedule begins with an update of zero and a second warmup, and costs a few hundredths at most. "The curve looks about
# right after the restart" is no test. **The same numbers as the uninterrupted run** is one.
#
# ## The verdict

# %%
from stabilitylab import ledger

ledger.verdicts("C1", "C5", "C13", "C14", "D7")

# %% [markdown]
# - **C1**: of three NaNs clipping cures one, an exploding gradient that is still finite.
# - **C5** is an order of magnitude: healthy ratios here lie between 1e-4 and 1e-1, and a stuck run can sit at 1e-3.
# - **C13** is *contested*: two large runs, two cures. Here each cures its own cause, and the claim holds where the rate was to
#   blame.
# - **C14** holds if it means all of them, and the loss against its reference lines: after their first steps most stuck runs trip
#   nothing.
# - **D7** is arithmetic, and Adam conceals it.
#
# ### What this does not show
#
# - **How to tell the causes apart at the moment of alarm.** The experiment knew them.
# - **Batches that are bad only for certain weights**, as PaLM's were. Ours are plainly broken.
# - **That a lower rate costs so much in a long run.** Ours ends 100 steps after the checkpoint, with no time to catch up.
# - **Good thresholds.** These fit these models: with small initial weights a healthy Adam run *without* warmup would trip the
#   update alarm.
# - **What a lost optimizer state costs at scale.** We saw the step, not the damage.
#
# **At 7B parameters** a rollback costs money. PaLM went back [about 100 steps](https://arxiv.org/abs/2204.02311), which takes
# frequent checkpoints and a detector that is awake. The same batches did *no* harm from another, earlier checkpoint: it took
# certain batches together with certain weights. Skipping worked all the same. OPT's divergences came with the dynamic loss scale
# falling to 0 and the last layer's activation norm spiking, and restart points were chosen where the scale was [still at least
# 1.0](https://arxiv.org/abs/2205.01068): the scale is a signal too.

# %% [markdown]
# ## What you predicted

# %%
predictions.review(
    "06-nan-alarm",
    (
        "One: the overflow, a step after the gradient norm. Bad batches and stuck runs never make a NaN, and the explosion "
        "stayed finite for all 40 steps."
    ),
    outcome="One",
)
predictions.review(
    "06-rollback",
    (
        "About 0.31 nat above the twin, against 0.21 for the run that was left alone. The lower rate itself costs 0.28 on clean "
        "batches."
    ),
    outcome="About as far above the twin as the damaged run, or further",
)
predictions.review(
    "06-lost-state",
    (
        "The first update was 2.0 to 5.5 times too large. The mean loss of the next 20 steps moved up or down, by 0.204 nat at "
        "worst in 20 seeds."
    ),
    outcome="The first update is several times too large, and the loss hardly shows it",
)

# %% [markdown]
# ## In the interview, in three sentences
#
# > "I would not wait for NaN: I alarm on non-finite gradients, on the raw norm against its recent median and on the
# > update-to-parameter ratio against a good run, because each catches what the others miss, and a NaN in the loss comes last, if
# > at all. Then I go back to a checkpoint from before the first alarm, complete enough to repeat the run bit for bit, and change
# > one thing: other batches if I suspect data, a lower rate if the same region diverges again on other data. I would not count on
# > clipping for the NaN itself, since 0 times inf is NaN; I skip non-finite steps, keep the order accumulate, unscale, clip,
# > step, and log the norm from before clipping."
#
# ## What to log in your own runs
#
# Per step: loss, global norm **before** clipping, whether clipping fired, update ratio (per matrix now and then), learning rate,
# loss scale and skipped steps, count of non-finite gradients. Per checkpoint: whether an alarm has sounded since the one before.
# Per incident: the first alarm, the checkpoint used, the *one* thing changed, and what happened.
#
# ## Try it yourself
#
# 1. **Tune the alarm.** Recompute the gradient rule with factors 2, 4, 8 and 16 on the recorded norms: `[any(n > 8 *
#    median(norms[max(0, i - 50):i]) for i, n in enumerate(norms) if i) for norms in (run.column("grad_norm") for run in
#    evidence.recorded("alarms")["adam"])]`. Then on `["bad-batch"]`. Is there a factor that is quiet on healthy Adam and still
#    hears the bad batch?
# 2. **Lower the rate without going back.** Take `trainer = rollback.trainer("hot", 7)` and `old = trainer.schedule`. Loop over
#    `trainer.steps()`, and after step 55 (the first loss spike) set `trainer.schedule = lambda step: 0.15 * old(step)`. Is a
#    checkpoint needed? And if you act five steps later?
# 3. **A fresh optimizer with a warmup.** In `resumed`, give the run without optimizer state ten steps of linear warmup: multiply
#    its schedule by `min(1, (step - 59) / 10)`. Does the first update still stand out, and what does it cost?
# 4. **The bad batch under Adam.** In the panel set the optimizer to Adam and the rate to `3e-3`. Which of the three signals now
#    gives the clearest warning?
#
# **Assignment:**
# [exercises/a4_detect_and_recover/a4_detect_and_recover.ipynb](../exercises/a4_detect_and_recover/a4_detect_and_recover.ipynb).
# You write the monitor, the checkpoint and the rollback, and they are judged on runs you have not seen.

# %% [markdown]
# ## Quiz
#
# Seven questions; every choice has its reason.

# %%
from stabilitylab import quiz

quiz("06")

# %% [markdown]
# ## References
#
# - Chowdhery et al. 2022, *PaLM: Scaling Language Modeling with Pathways*, [arXiv:2204.02311](https://arxiv.org/abs/2204.02311),
#   section 5.1.
# - Zhang et al. 2022, *OPT: Open Pre-trained Transformer Language Models*, [arXiv:2205.01068](https://arxiv.org/abs/2205.01068),
#   section 2.5, and the team's [chronicles](https://github.com/facebookresearch/metaseq/tree/main/projects/OPT/chronicles).
# - Pascanu et al. 2013, *On the difficulty of training Recurrent Neural Networks*,
#   [arXiv:1211.5063](https://arxiv.org/abs/1211.5063): clipping by the norm, and what it is for.
#
# Next: [07 · Plateaus, weight decay and finding the learning rate](07_plateaus_and_finding_the_lr.ipynb), on runs that are calm
# and learn nothing.
