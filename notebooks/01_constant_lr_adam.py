# %% [markdown]
# # 01 · Adam at a constant learning rate
#
# **On trial:** the popular claim that a Transformer trained from scratch with Adam at a constant learning rate of 1e-3 reaches
# NaN within 50 steps, and that warmup is what prevents it.
#
# **You will be able to** predict what a too-hot constant learning rate does to a given architecture, recognise a stalled run that
# looks healthy, explain with measurements why warmup helps where clipping does not, and answer the interview question below
# without repeating a myth.
#
# **Time** about 45 minutes. **You need** lesson 00, and what Adam's two moments are.

# %% [markdown]
# ## The question
#
# > *"You train a Transformer from scratch with Adam at a constant learning rate of 1e-3, no warmup. Predict the first 1000
# > steps."*
#
# It is asked in interviews for senior positions, and the answer that circulates in advice posts goes like this: the untrained
# layers are misaligned, Adam's second moment is not estimated yet, the first full-size updates are incoherent, and **within 50
# steps the loss is NaN**. The cure: linear warmup.
#
# The cure is real. Is the prediction? Commit to yours before anything runs.

# %%
from stabilitylab import predictions

predictions.predict(
    "01-textbook",
    "A 4-layer post-LN Transformer, Adam, constant 1e-3, 1000 steps, five seeds or more. What happens?",
    [
        "NaN or inf within 50 steps in most seeds",
        "A large spike early on, then it trains",
        "It stalls at a plateau",
        "It simply trains",
    ],
)

# %% [markdown]
# ## Trial 1: the textbook's 1e-3
#
# Post-LN is the original architecture, with the norm *after* each residual addition, and the one with the worse reputation. If
# constant 1e-3 is dangerous, it should be dangerous here. The panel trains such a model: 4 layers, width 32, Xavier
# initialisation (matrices scaled so that signals keep their size), no warmup, no clipping.
#
# Run the cell and watch. Then try other seeds: the controls are live.

# %%
from stabilitylab import experiments, live

constant_lr = experiments.get("constant-lr")
textbook = constant_lr.arms["textbook"].config.replace(steps=300)
panel = live.panel(textbook, controls=["lr", "seed", "steps", "model__norm"])

# %% [markdown]
# Nothing happens, in the best sense. One run is an anecdote, though, and 300 steps are not 1000. The next cell trains seed 0 for
# the full 1000 steps (a few seconds) and draws it beside the other seeds, which were recorded with the same experiment.
# Everything recorded can be made again with one command, `stabilitylab record constant-lr`.

# %%
from stabilitylab import evidence, plots

recorded = evidence.recorded("constant-lr")
mine = constant_lr.run("textbook", seed=0)
plots.panels(
    {
        "post-LN, seed 0, just now": [mine],
        "post-LN, seeds 1-9": recorded["textbook"][1:],
        "pre-LN, seeds 0-9": recorded["textbook-pre"],
    },
    ("loss", "grad_norm"),
    title="Constant 1e-3 for 1000 steps (means of 20 steps)",
    smooth=20,
)

# %% [markdown]
# Ten seeds each of post-LN and, with the norms moved and nothing else changed, of pre-LN: not one is NaN, rises by 1 nat, or
# stalls. They end at or below the bigram line. **The claim "NaN within 50 steps" is false as stated**, at this scale, in fp32,
# with a sane initialisation.
#
# But the same experiment has a hotter arm.

# %% [markdown]
# ## Trial 2: ten times hotter
#
# Now 1e-2. Commit first.

# %%
predictions.predict(
    "01-hot",
    "The same post-LN model at constant 1e-2. What happens within 300 steps, in most seeds?",
    [
        "NaN or inf",
        "The loss diverges above its starting value, without NaN",
        "The loss falls to about 3.26, the unigram line, and stays there",
        "It trains, only with more noise",
    ],
)

# %%
hot = constant_lr.run("hot", seed=0)
cured = evidence.recorded("stall-cures")
groups = {
    "hot, seed 0, just now": [hot],
    "hot, seeds 1-9": recorded["hot"][1:],
    "after 150 steps of warmup": cured["warmup"],
    "pre-LN, constant": cured["pre-ln"],
}
title = "Peak 1e-2: post-LN stalls if constant, and trains after warmup or as pre-LN (means of 5 steps)"
plots.panels(groups, ("loss", "grad_norm"), title, smooth=5)

# %% [markdown]
# No explosion. On a dashboard the hot run looks *good*: the loss falls faster than at 1e-3, the gradient norm is mostly below 1,
# and apart from jolts now and then (one seed jumps to 11.6 nats for a moment, beyond the edge of the figure) nothing happens. It
# is just that it stops falling, at the value that knowing byte frequencies alone gives. The same peak learning rate, reached over
# 150 steps, trains; and so does the same *constant* rate when the norms are moved: pre-LN.
#
# What is such a run stuck *in*? If its loss equals the unigram entropy, perhaps it has stopped looking at its input. That can be
# measured. Take the output of the last block for many tokens, and ask how much of it differs from token to token: its variance
# over tokens, as a share of its mean square. At 0 the model computes the same vector at every place, whatever stands there. (What
# differs by position alone counts too, so the share is an upper limit on what the model has read.)

# %%
from stabilitylab import input_share

held_out = constant_lr.trainer("hot", 0).corpus.batches(32, 32, seed=0, split="validation")(0).inputs


def share_over_time(name, arm, seed, steps=160, every=4):
    trainer = experiments.get(name).trainer(arm, seed)
    seen = []
    for record in trainer.steps():
        if record.step % every == 0:
            seen.append((record.step, input_share(trainer.model, held_out)))
        if record.step >= steps:
            return tuple(zip(*seen))


# %%
arms = {
    "constant": ("constant-lr", "hot"),
    "25 steps of warmup": ("warmup-length", "25-steps"),
    "150 steps of warmup": ("warmup-length", "150-steps"),
}
jobs = [(label, arm, seed) for label, arm in arms.items() for seed in range(5)]
shares = {label: [] for label in arms}
for label, arm, seed in live.track(jobs, "Training fifteen models"):
    shares[label].append(share_over_time(*arm, seed))
plots.lines(
    shares,
    "step",
    "input share",
    title="Peak 1e-2: how much of the last block depends on the input",
    logarithmic=True,
    colors=(plots.VERMILION, plots.ORANGE, plots.GREEN),
)

# %%
for label, lines in shares.items():
    print(f"{label:20} lowest share of each seed: ", "  ".join(f"{min(values):.0e}" for _, values in lines))

# %% [markdown]
# In every arm the share falls at first. A likely reason: learning byte frequencies means learning a large vector that is the same
# for every token, and post-LN rescales the sum of residual and branch at every layer, so that a large constant leaves little for
# what differs between tokens. By step 50 every run has been down there.
#
# What differs is how deep, and whether it comes back. With 150 steps of warmup the trough is shallow, no lower than six parts in
# ten thousand, and by step 100 all five seeds have climbed out. At constant 1e-2 the very first update already cuts the share to
# a fraction, and four of five seeds fall below one part in fifty thousand, most of them far below. Twenty-five steps of warmup
# spare the first updates, but the full rate arrives at step 25, while the share is still falling: again four of five collapse,
# and the one that does not is the one that trains.
#
# So these runs have not blown up. They have stopped reading. (Not the whole story: two of the hot seeds climb back to about a
# tenth, and sit on the plateau at step 300 all the same.)

# %% [markdown]
# ## What frees it, and what does not
#
# Here is how the hot run ends under each medicine of the popular cabinet, one dot per seed.

# %%
from stabilitylab import diagnose

lengths, decayed = evidence.recorded("warmup-length"), evidence.recorded("warmup-decay")
cures = {
    "none": cured["none"],
    "clip 1.0": cured["clip"],
    "clip 0.01": cured["tight-clip"],
    "cosine decay": decayed["decay"],
    "warmup 25": lengths["25-steps"],
    "warmup 150": lengths["150-steps"],
    "RAdam": cured["radam"],
    "pre-LN": cured["pre-ln"],
}
ends = {name: [diagnose(run).final_loss for run in runs] for name, runs in cures.items()}
plots.dots(
    {"peak 1e-2, 300 steps": ends},
    "loss of the last 30 steps",
    title="What frees the hot run, ten seeds each",
    references={"unigram": hot.unigram, "bigram": hot.bigram},
)

# %%
for name in ("constant-lr", "stall-cures", "warmup-decay", "warmup-length"):
    runs = [run for arm in evidence.recorded(name).values() for run in arm]
    for outcome in experiments.get(name).check(runs):
        print(f"{outcome.count:2} of {outcome.total} seeds   {outcome.expectation.states}")

# %% [markdown]
# Read the counts. Clipping and decay leave most seeds where they were, and let a few escape: over 140 seeds in all
# (`docs/experiments.md`) 10 escaped with clipping at 1.0, 14 with decay alone, and 6 with nothing: differences that chance alone
# could make. Twenty-five steps of warmup are not enough. A hundred and fifty are, in every seed; so is RAdam, a variant of Adam
# that scales down its own early steps; and the pre-LN model needs no cure. (The arm at 1e-4 is the opposite illness: it crawls.)
#
# Two lessons hide in this figure. First, *length matters*: "we use warmup" says little until you know how long. Second, if you
# had tried clipping on one lucky seed, you would now be writing a blog post about how clipping fixes stalled Transformers.

# %% [markdown]
# ## Why: Adam's first step has no sense of scale
#
# At its first step Adam's moments hold one gradient $g$. With bias correction, $\hat m = g$ and $\hat v = g^2$, so each parameter
# moves by
#
# $$\Delta\theta = -\,\text{lr}\,\frac{\hat m}{\sqrt{\hat v} + \epsilon} = -\,\text{lr}\,\frac{g}{|g| + \epsilon}
# \approx -\,\text{lr}\cdot\operatorname{sign}(g).$$
#
# The size of the gradient has divided out. Every parameter moves by the full learning rate, those with a strong signal and those
# with pure noise alike. Check it on three gradients, each a thousand times larger than the one before:

# %%
import torch

weights = torch.nn.Parameter(torch.zeros(3))
weights.grad = torch.tensor([1e-3, 1.0, 1e3])
torch.optim.Adam([weights], lr=1e-2).step()
print(weights.data)

# %% [markdown]
# And on the hot run itself. Of all parameters that have a gradient, how far do they move at the first step, in units of the
# learning rate?

# %%
trainer = constant_lr.trainer("hot", seed=0)
before = [p.detach().clone() for p in trainer.parameters]
first = next(trainer.steps())
moved = torch.cat([((p.detach() - b).abs() / first.lr)[p.grad != 0] for p, b in zip(trainer.parameters, before)])
print(f"mean {moved.mean():.3f}, median {moved.median():.3f} learning rates; gradient norm {first.grad_norm:.2f}")

# %% [markdown]
# This one line of algebra explains two things at once.
#
# **Why clipping does not help.** Clipping multiplies all gradients by one factor. At the first step the factor divides out
# entirely; later it divides out nearly, and what is left is that a clipped step counts for less in Adam's averages. Adam *is
# already* a device that decouples the size of the step from the size of the gradient. Or does a limit of 1.0 just hardly ever act
# here? The arm at 0.01 fires on every single step, and leaves most seeds as stuck as before:

# %%
for arm in ("clip", "tight-clip"):
    rates = [sum(run.column("clipped")) / len(run.records) for run in cured[arm]]
    print(f"{arm:15} fires on {min(rates):.0%} to {max(rates):.0%} of the steps")

# %% [markdown]
# **Why warmup does.** If the gradient's size cannot shrink the step, only the learning rate can. The quantity to watch is the
# **update-to-parameter ratio**, the length of the update over the length of the parameters:

# %%
early = {"constant 1e-2": recorded["hot"], "1e-2 after warmup": cured["warmup"], "constant 1e-3": recorded["textbook"]}
plots.lines(
    {label: [(run.column("step")[:150], run.column("update_ratio")[:150]) for run in runs] for label, runs in early.items()},
    "step",
    "update / parameter",
    title="How much of the model each step rewrites",
    logarithmic=True,
    colors=(plots.VERMILION, plots.GREEN, plots.BLUE),
)

# %% [markdown]
# At constant 1e-2 the first step moves the weights by about 2.4% of their length, ten times as much as at 1e-3. Warmup starts
# from nothing, and passes the hot run's level only after step 30, by when the hot run's own ratio has fallen to about 0.2%, apart
# from jolts; it is at its largest late, when the input share has recovered. The order of events fits: rewrite the model by
# percents while it is learning its first large constant, and the input is lost; rewrite it gently until it reads, and the same
# rate does no harm. Fits, not proves: that large *early* updates are what deepens the trough is what the three warmup lengths
# suggest, and no arm isolates it further.
#
# ### Post-LN's part in it
#
# Why does the post-LN model suffer at 1e-2, when the pre-LN one does not? Xiong et al. (2020) prove that at initialisation the
# gradients of a post-LN Transformer are large near the output, while those of a pre-LN Transformer are well behaved. One backward
# pass through 12 layers shows how much of that is visible here:

# %%
from stabilitylab import ModelConfig, RunConfig, Trainer, gradient_norm_by_layer


def profile(norm, seed):
    untrained = Trainer(RunConfig(model=ModelConfig(layers=12, norm=norm, init="xavier"), seed=seed))
    untrained.loss(*untrained.batches(0)).backward()
    return range(1, 13), gradient_norm_by_layer(untrained.model)


by_layer = {f"{norm}-LN": [profile(norm, seed) for seed in range(5)] for norm in ("post", "pre")}
plots.lines(by_layer, "layer", "gradient norm of the block", title="Gradients at initialisation, 12 layers", logarithmic=True)

# %%
for name, lines in by_layer.items():
    ratios = sorted(norms[-1] / norms[0] for _, norms in lines)
    print(f"{name:8} last layer over first, by seed: ", "  ".join(f"{ratio:.2f}" for ratio in ratios))

# %% [markdown]
# The direction agrees with the theorem: post-LN's gradients grow towards the output, pre-LN's shrink. The effect at this size is
# mild: at most a factor of two in four of the post-LN seeds, and about three in one. And remember: under Adam the gradient's size
# divides out at the first step, so this profile alone cannot be why post-LN stalls. What we *measured* is that the input is
# washed out, and that moving the norms prevents the stall in ten of ten seeds.
#
# **What is contested.** Liu et al. (2019, RAdam) argued that the cause is the variance of Adam's second moment in early training.
# [Ma & Yarats](https://arxiv.org/abs/1910.04209) (2019) refute that analysis, point to the size of the updates, and find that an
# untuned linear warmup over $2/(1-\beta_2)$ steps does as well as RAdam (2000 steps at Adam's default 0.999). Kalra & Barkeshli
# (2024) find that the main benefit of warmup is that it lets a network tolerate larger target learning rates, by moving it to
# better-conditioned regions. Kosson et al. (2024) point to early updates that are too large by several measures, the angle they
# turn the weights by among them. Our experiment fits "updates too large, too early". RAdam's success in it does not decide the
# quarrel: its correction shrinks the early steps, which is what both sides say helps.

# %% [markdown]
# ## Trial 3: no norms at all
#
# So is the explosion a myth? Take the norms out. A 24-layer Transformer without any norms, PyTorch's default initialisation,
# constant 1.5e-2: think of it as somebody's first implementation, in which the norms were forgotten. What do the first ten steps
# look like?

# %%
predictions.predict(
    "01-no-norms",
    "24 layers, no norms, Adam at constant 1.5e-2: once as it is, and once with the global norm clipped at 1.0.",
    [
        "It explodes; clipping saves it",
        "It explodes, with and without clipping",
        "It stalls at the unigram line, as before",
        "It trains slowly",
    ],
)

# %% [markdown]
# Run it. The loss axis is logarithmic, so mind the numbers. Then be a doctor: try **clip norm** 1.0 first, then **warmup** 100
# with **cosine to 0** and 200 steps. Then set the precision to **fp16** and take the warmup away again.

# %%
no_norms = experiments.get("no-norms")
panel = live.panel(
    no_norms.arms["constant"].config,
    controls=["lr", "warmup_steps", "decay", "clip_norm", "dtype", "model__layers", "steps", "seed"],
)

# %%
deep = evidence.recorded("no-norms")
plots.panels(
    {"constant 1.5e-2": deep["constant"], "+ clip at 1.0": deep["clip"], "warmup, then cosine": deep["warmup"]},
    ("loss", "grad_norm", "update_ratio"),
    title="24 layers without norms, peak 1.5e-2, ten seeds each",
    colors=(plots.VERMILION, plots.PURPLE, plots.GREEN),
)

# %%
for outcome in no_norms.check([run for runs in deep.values() for run in runs]):
    print(f"{outcome.count:2} of {outcome.total} seeds   {outcome.expectation.states}")
fired = [sum(run.column("clipped")) / len(run.records) for run in deep["clip"]]
print(f"clipping fired on {min(fired):.0%} to {max(fired):.0%} of the steps")

# %% [markdown]
# (The arms that die were stopped at step 60. The axes end at seven decades; the loss goes on to 8e16.) In every seed the loss is
# ten times its starting value within three updates, and it never comes back. Clipping at 1.0 fires on nearly every step. It slows
# the way down (one seed instead of five is non-finite by step 60) and saves none. Warmup and decay to the same peak train, though
# not gently (most of these runs spike on the way) and not always: on a hundred further seeds they failed ten times
# ([no-norms](../docs/experiments.md#no-norms)).
#
# And read the last line of the table: **at constant 1e-3, the interview's number, even this model does not explode** (some of its
# runs spike, and recover). Here depth without norms, default initialisation *and* a rate fifteen times the textbook's came
# together.
#
# Notice also that for forty steps and more the loss is absurd but finite, and only then do half of the unclipped runs turn
# non-finite. A detector that waits for NaN sleeps through all of it.

# %% [markdown]
# ### Why depth without norms is different
#
# Advice posts say that at step 0 the layers are misaligned, so that full-size updates are incoherent. That can be measured: take
# Adam's first update at 1e-2 apart (16 layers here), apply it to one block alone (the dots show the median block), or to all
# together, and ask what it does to the loss of the very batch it was computed from. A useful update lowers it.

# %%
first = evidence.load("transient-explosion").quantities
change = {
    "one block alone, no norms": first["typical-alone"],
    "all together, no norms": first["together"],
    "all together, pre-LN": first["together-pre-ln"],
    "all together, post-LN": first["together-post-ln"],
}
plots.dots(
    {"first update at 1e-2": {name: list(by_seed.values()) for name, by_seed in change.items()}},
    "change of the batch's loss (nats)",
    title="Adam's first update, taken apart, 25 seeds",
    references={"no change": 0.0},
)

# %%
for name, by_seed in change.items():
    print(f"{name:26} raises the loss in {sum(v > 0 for v in by_seed.values()):2} of {len(by_seed)} seeds")

# %% [markdown]
# Without norms the update of the median block helps, and all of them together hurt (in 24 of 25 seeds): every block was corrected
# for the others as they were, and they all moved. So "incoherent" is the right word, **in a model without norms**. With norms in
# place the same full-size update, whole, helps in every seed.

# %% [markdown]
# ## Trial 4: NaN within 50 steps
#
# The claim said NaN *within 50 steps*. Here are two places where it comes much sooner. The first is the explosion above in
# **fp16**: the largest number fp16 can hold is 65504, one matrix product beyond it is inf, and inf minus inf in the softmax is
# NaN.

# %%
deep_fp16 = evidence.recorded("no-norms-fp16")["constant"]
steps = [diagnose(run).nonfinite_at for run in deep_fp16]
print("fp16, constant 1.5e-2: first non-finite step of ten seeds:", steps)
print("loss of seed 0:", [f"{loss:.4g}" for loss in deep_fp16[0].column("loss")[:4]])

# %% [markdown]
# The second needs no explosion at all, and no hot learning rate. Store the *weights* in fp16, together with Adam's state, at the
# textbook's 1e-3:

# %%
halves = evidence.recorded("fp16-weights")
for arm, runs in halves.items():
    about = experiments.get("fp16-weights").arms[arm].about
    print(f"{about:68} non-finite at step {[diagnose(run).nonfinite_at for run in runs]}")

# %% [markdown]
# Dead at step 1 (that is, after the first update) in all five seeds, and warmup cannot help: at step 0 its learning rate is 0,
# and 0 times inf, or times NaN, is NaN. The reason is arithmetic.

# %%
g, half = 1e-3, torch.float16
first_moment = torch.tensor(0.1 * g, dtype=half)
second_moment = torch.tensor(0.001 * g * g, dtype=half)
eps = torch.tensor(1e-8, dtype=half)
print(f"m {first_moment.item():.1e}   v {second_moment.item()}   eps {eps.item()}")
print("m / (sqrt(v) + eps) =", (first_moment / (second_moment.sqrt() + eps)).item())
print("and where m is 0 too:", (0 * first_moment / (second_moment.sqrt() + eps)).item())

# %% [markdown]
# A gradient of 1e-3 is nothing unusual; its square, weighted, is too small for fp16, and so is Adam's epsilon. So Adam divides by
# 0: the result is inf, or NaN where the first moment is 0 as well. This is why mixed precision keeps a second, fp32 copy of the
# weights (*master weights*) and the optimizer's state in fp32, which is the last arm of the table; lesson 05 is about it.

# %% [markdown]
# ## The verdict
#
# The course's ledger judges each claim on twenty further seeds that set nothing. "Held" counts the seeds on which everything that
# the verdict rests on was seen again.

# %%
from stabilitylab import ledger

ledger.verdicts("B1", "A5", "B2")

# %% [markdown]
# In this lesson's words:
#
# | claim | verdict | measured |
# |---|---|---|
# | Adam at constant 1e-3 reaches NaN within 50 steps | **false as stated** | nothing blew up in 1000 steps, post-LN or pre-LN, [20 of 20 seeds](../docs/experiments.md#constant-lr) |
# | constant 1e-2 explodes | **false for the models with norms** | nearly every post-LN run stuck at the unigram line, pre-LN trains |
# | a hot constant rate explodes without norms | **holds when** deep, default initialisation, 1.5e-2 | ten times the loss within three updates, [20 of 20 seeds](../docs/experiments.md#no-norms) |
# | NaN within 50 steps | **holds when** that explosion runs in fp16, or the weights are fp16 | within five steps in [20 of 20 seeds](../docs/experiments.md#no-norms-fp16); after the first update in [20 of 20](../docs/experiments.md#fp16-weights) |
# | warmup prevents it | **holds** if it is long enough, except for fp16 weights | the stall: 150 steps do, 25 hardly ever; the explosion: with decay, nine times in ten in fp32, and [14 of 20](../docs/experiments.md#no-norms-fp16) in fp16 |
# | clipping at 1.0 prevents it | **false under Adam** | most stalled runs stay stuck; not one explosion prevented in [20 of 20 seeds](../docs/experiments.md#no-norms) |
#
# ### What this does not show
#
# - **Scale.** Models of 24 layers at most and width 32, runs of at most 1000 steps. How hot is too hot depends on width, depth,
#   batch and data; the numbers do not carry over, the mechanisms may.
# - **That nobody sees NaN at 1e-3.** Another initialisation, another vocabulary, a bug, or fp16 can all bring it about. The claim
#   was about what *generally* happens.
# - **Why the explosion does not pass.** The first update is incoherent at 16 layers and 1e-2 too, and that model comes back
#   within a few dozen steps; at 24 layers and 1.5e-2 it does not.
# - **That stuck runs never wake up.** They had not after 300 steps.
#
# **At 7B parameters** the same roles are played by larger actors. Nobody trains with post-LN and a constant rate there; warmup is
# standard, and the spikes that remain come late and irregularly. The PaLM report describes about 20 spikes in its largest run,
# *despite* gradient clipping, not seen in the smaller models; the remedy was to go back about 100 steps and skip 200-500 batches.
# Their account also says that the same batches, replayed from another checkpoint, did no harm.

# %% [markdown]
# ## What you predicted

# %%
predictions.review(
    "01-textbook",
    "All ten seeds of post-LN, and of pre-LN, simply trained: no NaN, no spike, no stall.",
    outcome="It simply trains",
)
predictions.review(
    "01-hot",
    "In 10 of 10 seeds the loss fell to the unigram line and was there at step 300, with finite numbers throughout.",
    outcome="The loss falls to about 3.26, the unigram line, and stays there",
)
predictions.review(
    "01-no-norms",
    "It exploded in 10 of 10 seeds, with and without clipping; warmup and decay saved all ten.",
    outcome="It explodes, with and without clipping",
)

# %% [markdown]
# ## In the interview, in three sentences
#
# > "With norms and fp32 I would not expect NaN: at small scale 1e-3 just trains, and a hotter constant rate makes a post-LN model
# > stall near the unigram entropy, because Adam's first steps are sign-like, move every parameter by the full learning rate, and
# > can wash the input out before the model has learned to read. An explosion I would expect from depth without norms at a high
# > rate, and a quick NaN from half precision: overflow, or Adam's epsilon and second moment underflowing. So I would warm up over
# > a length I check rather than assume, not expect clipping to do that job under Adam, and watch the update-to-parameter ratio
# > and the loss against reference lines, not just for NaN."
#
# ## What to log in your own runs
#
# Loss **with reference lines** (uniform, unigram), the global gradient norm before clipping, the update-to-parameter ratio, the
# learning rate actually used, and the count of non-finite gradients. The reference line turns "a calm curve" into "a model that
# knows only byte frequencies"; the loss and the norm show the explosion at its second step, long before a NaN.
#
# ## Try it yourself
#
# 1. In the panel of trial 3, find the depth at which the constant 1.5e-2 no longer ends in "diverged" or "non-finite". Is it the
#    same for three seeds?
# 2. `stabilitylab run stall-cures --arm clip --seed 4` is one of the seeds that escaped. Does it escape with decay
#    (`stabilitylab run warmup-decay --arm decay --seed 4`) too? What would you need to run before you wrote that down as a cure?
# 3. Predict, then run: a peak of 3e-2 after 150 steps of warmup.
#    (`train(experiments.get("stall-cures").arms["warmup"].config.replace(lr=3e-2))` from `stabilitylab`.) What does the
#    answer say about "warmup cures a hot learning rate"?
#
# **Assignment:** [exercises/a2_schedules/a2_schedules.ipynb](../exercises/a2_schedules/a2_schedules.ipynb), after lesson 02. You
# write the schedules from scratch and free a stalled run like the one of this lesson.

# %% [markdown]
# ## Quiz
#
# Answer from the lesson; every choice has its reason.

# %%
from stabilitylab import quiz

quiz("01")

# %% [markdown]
# ## References
#
# - Xiong et al. 2020, *On Layer Normalization in the Transformer Architecture*,
#   [arXiv:2002.04745](https://arxiv.org/abs/2002.04745): post-LN gradients near the output are large at initialisation; pre-LN
#   trains without warmup.
# - Liu et al. 2019, *On the Variance of the Adaptive Learning Rate and Beyond* (RAdam),
#   [arXiv:1908.03265](https://arxiv.org/abs/1908.03265).
# - Ma & Yarats 2019, *On the Adequacy of Untuned Warmup for Adaptive Optimization*,
#   [arXiv:1910.04209](https://arxiv.org/abs/1910.04209).
# - Kalra & Barkeshli 2024, *Why Warmup the Learning Rate?*, [arXiv:2406.09405](https://arxiv.org/abs/2406.09405).
# - Kosson et al. 2024, *Analyzing & Reducing the Need for Learning Rate Warmup in GPT Training*,
#   [arXiv:2410.23922](https://arxiv.org/abs/2410.23922).
# - Chowdhery et al. 2022, *PaLM: Scaling Language Modeling with Pathways*, [arXiv:2204.02311](https://arxiv.org/abs/2204.02311),
#   section on training instability.
#
# Next: [02 · Warmup and schedules](02_warmup_and_schedules.ipynb).
