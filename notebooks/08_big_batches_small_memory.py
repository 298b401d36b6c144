# %% [markdown]
# # 08 · Big batches in small memory
#
# **On trial:** the popular price list for a batch that does not fit: accumulating it over 8 micro-batches takes 8 times as long,
# and checkpointing costs 20 to 30% of time and allows models two to three times as big.
#
# **You will be able to** cut a batch into micro-batches without changing the gradient, and prove it in one step; say what a
# bigger batch does for stability; place checkpoints and predict their price; and write a memory budget before a run dies of it.
#
# **Time** about 50 minutes. **You need** lessons 00 and 01, and what global-norm clipping is.

# %% [markdown]
# ## The question
#
# > *"Your batch of 256 sequences does not fit into memory. What do you do, what does it cost, and how do you prove that the
# > training is still the same?"*
#
# In 2024 Hugging Face reported that the Trainer of their `transformers` did the first part wrongly. It cut the batch into
# **micro-batches**, pieces small enough to fit, computed the mean loss of each, and averaged the means. [Their
# account](https://huggingface.co/blog/gradient_accumulation) says when that is not the loss of the whole batch: when
# micro-batches hold different numbers of tokens that are not padding. Nothing crashes; what gave it away was that runs with and
# without accumulation had different losses.
#
# How wrong can it be? Commit before anything runs.

# %%
from stabilitylab import predictions

predictions.predict(
    "08-mean-of-means",
    (
        "Eight micro-batches hold 8 to 256 tokens each. You average their mean losses. Compared with the whole batch's, the "
        "gradient is"
    ),
    [
        "the same, up to rounding",
        "a few percent off",
        "off by tens of percent of its length or more, in direction too",
        "too long or too short, in the right direction",
    ],
)

# %% [markdown]
# ## Equal micro-batches are exact
#
# The loss of a batch of $N$ tokens is a mean, and the gradient of a mean is the mean of the gradients. Cut the batch into $K$
# micro-batches of $n = N/K$ tokens:
#
# $$g = \frac{1}{N}\sum_{i=1}^{N} \nabla \ell_i
# = \frac{1}{K}\sum_{k=1}^{K} \underbrace{\frac{1}{n}\sum_{i \in k} \nabla \ell_i}_{g_k}.$$
#
# So dividing each mean loss by $K$ and letting `backward()` add to `.grad` gives $g$ itself. The cell checks it in float64 on a
# slightly trained model (30 steps), with 64 rows of 32 bytes; a byte is a token here. `gradient` is given a generator, so each
# loss goes backward before the next is computed, and only one graph is in memory at a time.

# %%
import torch
import torch.nn.functional as F

from stabilitylab.experiments.memory.accumulation import LENGTHS, Step


def loss(model, inputs, targets, reduction="mean"):
    return F.cross_entropy(model(inputs).flatten(0, 1), targets.flatten(), reduction=reduction)


def gradient(model, losses):
    model.zero_grad()
    for each in losses:
        each.backward()  # adds to .grad
    return torch.cat([p.grad.flatten() for p in model.parameters()])


# %%
step = Step(seed=0)  # a model in float64 and a batch that can be cut
model = step.model
whole = gradient(model, (loss(model, x, y) for x, y in step.cut(1)))


def off(name, found, right):
    error, length = (found - right).norm() / right.norm(), found.norm() / right.norm()
    cosine = F.cosine_similarity(found, right, dim=0)
    print(f"{name:27} off by {error:.1e} of the length   {length:.3f} times as long   cosine {cosine:.3f}")
    return error.item()


even = off("means / 8", gradient(model, (loss(model, x, y) / 8 for x, y in step.cut(8))), whole)
_ = off("means, undivided", gradient(model, (loss(model, x, y) for x, y in step.cut(8))), whole)

# %% [markdown]
# The first line is rounding. The second is a slip: **the division forgotten**. The direction is right, the length 8 times too
# large. Does that hurt? The next cell multiplies every gradient by 8 between backward and step.

# %%
from stabilitylab import ModelConfig, RunConfig, Trainer, diagnose, live, train


def forgotten(parameters, _):  # given to the loop in the place of clipping
    for p in parameters:
        p.grad.mul_(8)


run = RunConfig(model=ModelConfig(layers=2, init="xavier"), steps=50, on_nonfinite="stop")
for optimizer, lr in (("sgd", 0.1), ("adam", 1e-2)):
    for seed in live.track(range(3), f"Training with {optimizer}"):
        config = run.replace(optimizer=optimizer, lr=lr, seed=seed)
        runs = train(config), train(config.replace(clip_norm=1.0), clip=forgotten)
        right, slip = (diagnose(each).final_loss for each in runs)
        print(f"{optimizer:5} seed {seed}   final loss {right:.3f}   with the division forgotten {slip:.3f}")

# %% [markdown]
# Under SGD the slip is a learning rate 8 times as high, and all three runs die. Under Adam the factor divides out, as in
# lesson 01, and the losses agree to the last digit printed: only the logged gradient norm shows the mistake. (And clipping feels
# it: a `max_norm` of `1.0` now acts as a limit of `1/8`.)
#
# ## Uneven micro-batches: a mean of means
#
# Now let micro-batch $k$ hold $n_k$ tokens that count. The others are padding, or the prompts in instruction tuning. Averaging
# the means gives
#
# $$\frac{1}{K}\sum_k \frac{1}{n_k}\sum_{i \in k}\nabla\ell_i = \frac{1}{N}\sum_k \frac{N}{K n_k}\sum_{i \in k}\nabla\ell_i ,$$
#
# so every token in micro-batch $k$ weighs $N / (K n_k)$ instead of 1. The right weight for a micro-batch's mean is $n_k / N$, its
# share of the tokens; or, simpler, **sum the losses and divide by the number of all tokens**:
#
# $$g = \sum_k \frac{n_k}{N}\, g_k = \frac{1}{N}\sum_k \sum_{i \in k} \nabla \ell_i .$$

# %%
uneven = Step(seed=0, lengths=LENGTHS)  # the same model and rows; of each row only the first bytes count
counts = [int((y != -100).sum()) for _, y in uneven.cut(8)]  # cross_entropy ignores the target -100
print("tokens that count  ", *(f"{n:6}" for n in counts), "   in all", uneven.total)
print("weight of a token  ", *(f"{uneven.total / (8 * n):6.2f}" for n in counts), "   when means are averaged")

# %%
whole = gradient(model, (loss(model, x, y) for x, y in uneven.cut(1)))
mean_of_means = off("means / 8", gradient(model, (loss(model, x, y) / 8 for x, y in uneven.cut(8))), whole)
sums = (loss(model, x, y, "sum") / uneven.total for x, y in uneven.cut(8))
per_token = off("sums / all tokens", gradient(model, sums), whole)
dealt = Step(seed=0, lengths=LENGTHS, shuffled=True)  # the same rows, dealt out at random
shuffled = off("means / 8, dealt at random", gradient(model, (loss(model, x, y) / 8 for x, y in dealt.cut(8))), whole)

# %% [markdown]
# A token in the shortest micro-batch counts fifteenfold, one in the longest less than half. Here is your seed beside twenty
# recorded ones. The first and the last column are controls: no error.

# %%
from stabilitylab import evidence, plots

figures = evidence.load("accumulation").quantities
columns = {
    "equal counts, / 8": ("even-error", even),
    "8 to 256, / 8": ("uneven-error", mean_of_means),
    "rows dealt at random, / 8": ("shuffled-error", shuffled),
    "sums / all tokens": ("per-token-error", per_token),
}
recorded = {label: [figures[name][seed] for seed in range(1000, 1020)] for label, (name, _) in columns.items()}
plots.dots(
    {"seeds 1000-1019": recorded, "seed 0, just now": {label: [mine] for label, (_, mine) in columns.items()}},
    "error / length of the gradient",
    title="Averaging the means of eight micro-batches",
)

# %% [markdown]
# With 8 to 256 tokens the mean of means is [off by a median of 0.713 of the gradient's length, 0.373 to
# 2.22](../docs/experiments.md#accumulation) over twenty seeds, and the direction goes too: the median cosine is 0.815, the lowest
# 0.364. Dealing the same rows out at random evens the counts and makes the mistake smaller, and so harder to see, without mending
# it: a median of 0.137, and up to 0.471. Dividing sums by all tokens is exact again. The logged loss of one run is no warning: it
# is a mean of means as well.
#
# ### Where clipping goes
#
# Clipping belongs after the last micro-batch, once. Clipping each micro-batch is another treatment, because the gradient of few
# tokens is longer than that of many. If tokens add independent noise of variance $\sigma^2$, a micro-batch of $n$ of them has
#
# $$\mathbb{E}\,\lVert g_k\rVert^2 = \lVert \bar g\rVert^2 + \frac{\sigma^2}{n},$$
#
# where $\bar g$ is the gradient without noise. The limit then acts on noise that averaging would have removed, and takes signal
# with it.

# %%
parts = [gradient(model, [loss(model, x, y)]) for x, y in step.cut(8)]
mean = torch.stack(parts).mean(dim=0)
print("norms of eight micro-batches:", *(f"{part.norm():.2f}" for part in parts), f"   of their mean: {mean.norm():.2f}")
limit = mean.norm()  # clipping the mean at this limit changes nothing
clipped = torch.stack([part * (limit / part.norm()).clamp(max=1) for part in parts]).mean(dim=0)
_ = off("each clipped", clipped, mean)

# %% [markdown]
# At a limit that leaves the whole gradient alone, clipping each micro-batch leaves [0.62 of its length, 0.357 to
# 0.828](../docs/experiments.md#accumulation) over twenty seeds. The order to remember: **accumulate, unscale (fp16 only,
# lesson 05), clip, step.**
#
# ## What accumulation costs
#
# Eight micro-batches do 8 times the work of one, on 8 times the data, so the claim's factor is real and says nothing. The fair
# comparison is *the same rows at once*. The operations of matrix products are proportional to the rows, so the counts should
# agree exactly: they do, [in 20 of 20 seeds](../docs/experiments.md#accumulation). Time is another matter.

# %%
columns = {
    "256 bytes each, over one": "time-of-one",
    "256 bytes, over all at once": "time-of-whole",
    "1024 bytes, over all at once": "large-time-of-whole",
}
ratios = {label: [figures[name][seed] for seed in range(1000, 1020)] for label, name in columns.items()}
plots.dots({"recorded": ratios}, "ratio of times", title="Time of eight micro-batches, twenty seeds", references={"8": 8, "1": 1})

# %% [markdown]
# These ratios belong to forward and backward of one small model on one core; yours will differ. Eight micro-batches of 256 bytes
# took [6.99 times as long as one, and 1.62 times as long as the same rows at once, 1.41 to
# 1.99](../docs/experiments.md#accumulation). With 1024 bytes in a micro-batch the pieces were even faster than the whole: 0.845
# times, 0.72 to 0.941. (We did not measure why.) So time it before you cut finer than memory demands.

# %% [markdown]
# ## Does a bigger batch stabilise?
#
# Suppose 2 rows fit, and eight micro-batches make 16. What have you bought?

# %%
predictions.predict(
    "08-bigger-batch",
    "SGD with momentum at 0.3 does not train with 2 rows per step. What do 16 rows do, at 0.3 and at 1.0?",
    [
        "They train at both: the noise was the trouble",
        "They train at 0.3 and die at 1.0",
        "They die at both: the rate was the trouble",
        "They train at 1.0 only: a bigger batch needs a higher rate",
    ],
)

# %% [markdown]
# Two layers, pre-LN, SGD with momentum 0.9 at a rate of 0.3, 2 rows of 32 bytes per step. Run it, then raise the **batch size**
# to 16. Then set the **peak LR** to 1 and try any batch size.

# %%
noisy = run.replace(optimizer="sgd", lr=0.3, batch_size=2, steps=100)
panel = live.panel(noisy, controls=["batch_size", "lr", "optimizer", "seed", "steps"], curves=("loss", "grad_norm"))

# %% [markdown]
# What the batch changes is the noise. The mean over $B$ rows drawn independently is $\sigma/\sqrt{B}$ away from the gradient
# without noise. To measure it: the gradients of 256 single rows, averaged in groups of $B$, against the mean of all.


# %%
def noise(seed, sizes=(1, 2, 4, 8, 16)):
    step = Step(seed, rows=32)  # 8 * 32 = 256 rows
    rows = torch.stack([gradient(step.model, [loss(step.model, x, y)]).float() for x, y in step.cut(256)])
    mean = rows.mean(dim=0)
    groups = [rows.view(256 // size, size, -1).mean(dim=1) for size in sizes]
    return sizes, [((group - mean).norm(dim=1).square().mean().sqrt() / mean.norm()).item() for group in groups]


measured = [noise(seed) for seed in live.track(range(5), "Measuring five seeds")]
start = sum(found[0] for _, found in measured) / 5
plots.lines(
    {"five seeds": measured, "1 / sqrt(rows)": [((1, 16), (start, start / 4))]},
    "rows in the batch",
    "noise / gradient",
    title="How far a batch's gradient is from the mean",
    logarithmic=True,
    logarithmic_x=True,
)

# %%
ratios = sorted(found[0] / found[-1] for _, found in measured)
print("noise of 1 row over that of 16, five seeds:", *(f"{ratio:.1f}" for ratio in ratios), f"   the rule: {16**0.5:.0f}")

# %% [markdown]
# Now the runs: two learning rates, 2 and 16 rows, five seeds each (not those on which the settings were found). A third column
# asks what else the same data could have bought: 2 rows, **an eighth of the learning rate, and 8 times the steps**.

# %%
import math

held_out = Trainer(run).corpus.batches(64, 32, seed=0, split="validation")(0)
arms = {"2 rows": (2, 1), "16 rows": (16, 1), "2 rows, 1/8 of the rate, 8 times the steps": (2, 8)}
jobs = [(lr, label, seed) for lr in (0.3, 1.0) for label in arms for seed in range(1000, 1005)]
ends = {f"rate {lr:g}": {label: [] for label in arms} for lr in (0.3, 1.0)}
for lr, label, seed in live.track(jobs, "Training thirty models"):
    rows, more = arms[label]
    trainer = Trainer(noisy.replace(batch_size=rows, lr=lr / more, steps=50 * more, seed=seed))
    for _ in trainer.steps():
        pass
    with torch.no_grad():
        end = trainer.loss(*held_out).item()
    ends[f"rate {lr:g}"][label].append(min(end, math.log(256)) if math.isfinite(end) else math.log(256))

# %%
plots.dots(
    ends,
    "held-out loss, capped",
    title="A bigger batch, or smaller steps? Five seeds each",
    references={"uniform guess or worse": math.log(256), "unigram": trainer.corpus.unigram_entropy},
)

# %%
for rate, group in ends.items():
    for label, values in group.items():
        used = float(rate.split()[1]) / arms[label][1]
        print(f"rate {used:<6g}  {label:43} {min(values):.2f} to {max(values):.2f}")
large = [train(noisy.replace(batch_size=64, lr=1.0, seed=seed)) for seed in range(1000, 1005)]
dead = sum(diagnose(each).nonfinite_at is not None for each in large)
print(f"rate 1       {'64 rows':43} NaN or inf in {dead} of 5 runs")

# %% [markdown]
# At 0.3 the batch decides: 2 rows end above the unigram line, 16 rows train in every seed. At 1.0, the control, it decides
# nothing: both die in every seed, and since the noise of 16 rows is still about as long as the gradient, the last line tries 64:
# dead too. Averaging takes noise away; it does not shorten a step that is too long. **The bigger batch steadied the run that
# noise unsettled, and not the other.**
#
# The third column is the sober part. At 0.3 the 16 rows end at 2.73 to 2.82; with an eighth of that rate, on as many bytes, the 2
# rows end lower, at 2.59 to 2.70, after 8 times as many steps. A bigger batch is a way to take fewer and longer steps; here it
# was no way to learn more from the same data.
#
# ### And the learning rate?
#
# **Contested.** One rule of thumb multiplies the learning rate by the batch's factor (linear scaling), another by its square
# root. Read the figure as a test of the linear rule: from 2 rows at 0.0375 to 16 rows at 0.3 the run survives, and from 2 rows at
# 0.125 to 16 rows at 1.0 all five seeds die: the rule knows nothing of the ceiling. Which rule is better below it, or for Adam,
# is outside this course's evidence. Treat either as a first guess, and search again (lesson 07).

# %% [markdown]
# ## Checkpointing: what is stored
#
# Accumulation ends at a micro-batch of one row. The next lever is the **activations**: what autograd keeps of the forward pass
# because the backward pass needs it. (These checkpoints are no files to restart from.)

# %%
predictions.predict(
    "08-checkpointing",
    (
        "You checkpoint every block of a 16-layer model. How many times smaller does everything in memory become, weights and "
        "Adam's state included?"
    ),
    [
        "Two to three times",
        "About four times: the square root of 16",
        "Sixteen times: one block at a time is kept",
        "There is no one answer: it depends on what fills the memory",
    ],
)

# %% [markdown]
# A block of this course, with rows of $T$ tokens, width $d$ and $h$ heads, keeps per token: $16d$ numbers ($d$ each for its
# input, two norm outputs, $q$, $k$, $v$, the attention's result and the sum after it; $4d$ twice in the MLP), one row of $T$
# attention weights per head, and 4 numbers for the norms:
#
# $$A = \text{rows} \cdot T \cdot (16\,d + h\,T + 4) \cdot \text{bytes},
# \qquad a = \text{rows} \cdot T \cdot d \cdot \text{bytes}.$$
#
# $A$ is what a block stores, and $a$ the size of its input. **Checkpointing** a block keeps only $a$ and runs the block a second
# time in the backward pass. PyTorch's hooks see every tensor that autograd saves, so both can be counted.

# %%
from stabilitylab.experiments.memory.checkpointing import LiveBytes, build


def stored(layers, width, rows, checkpointed):
    model = build(0, layers, width, checkpointed)  # rows of 64 tokens, two heads, fp32
    weights = {p.data_ptr() for p in [*model.parameters(), *model.buffers()]}
    kept = {}

    def note(tensor):
        kept[tensor.untyped_storage().data_ptr()] = tensor.untyped_storage().nbytes()
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(note, lambda tensor: tensor):
        logits = model(torch.zeros(rows, 64, dtype=torch.long))  # the graph lives as long as the logits
    assert logits.requires_grad
    return sum(size for place, size in kept.items() if place not in weights)


# %%
for width, rows in ((32, 8), (64, 2), (128, 1)):
    block, kept = (stored(2, width, rows, which) - stored(1, width, rows, which) for which in (False, True))
    formula = rows * 64 * (16 * width + 2 * 64 + 4) * 4
    print(
        f"width {width:3}, {rows} rows: a block stores {block:,} bytes (formula {formula:,}); checkpointed {kept:,}, "
        f"{block / kept:.1f} times less"
    )

# %% [markdown]
# ## What checkpointing costs, and where to put the checkpoints
#
# **The price.** For every matrix product of the forward pass the backward pass does two, one for the input's gradient and one for
# the weight's. A step is $F + 2F$, and running the forward pass again makes it $F + 2F + F$: **a third more at most**. It is less
# if the output head does not run again, and less still because PyTorch stops the second run once the last tensor it needs is
# there.

# %%
from stabilitylab import experiments

price = experiments.get("checkpointing").run("cost", seed=0)
plain = price["plain"]
print(f"forward pass                                {price['forward'] / plain:.3f} of a plain step's operations")
print(f"its blocks, without the head                {price['blocks'] / plain:.3f}")
print(f"extra operations, second run to its end     {price['checkpointed-whole'] / plain - 1:.3f}")
print(f"extra operations, stopped early (default)   {price['checkpointed'] / plain - 1:.3f}")

# %% [markdown]
# The claim's 20 to 30% is right for *operations*. The recorded extra *time* is [0.557 of a step, 0.224 to
# 0.738](../docs/experiments.md#checkpointing) on a small model whose time does not go into matrix products alone. Yours will
# differ.
#
# **The place.** Checkpoint segments of $s$ blocks in a stack of $L$. You keep the inputs of $L/s$ segments, and in the backward
# pass everything inside one segment:
#
# $$M(s) = \frac{L}{s}\,a + s\,A, \qquad M'(s) = 0 \;\Rightarrow\; s^* = \sqrt{L\,\frac{a}{A}}, \qquad M(s^*) = 2\sqrt{L\,a\,A}.$$
#
# For layers that store nothing but their output, $A = a$, and this is the $\sqrt{L}$ of Chen et al. (2016): [memory of O(sqrt(n))
# for an extra forward pass](https://arxiv.org/abs/1604.06174). The cell measures the peak of live bytes for such a stack (64
# times tanh) and for 16 Transformer blocks.

# %%
from functools import partial

from torch.utils.checkpoint import checkpoint, checkpoint_sequential


def peak(blocks, existing, length):
    """Most bytes alive at once, in units of one input; a checkpoint every ``length`` blocks."""
    x = torch.randn(8, 64, 32, requires_grad=True)
    with LiveBytes([x, *existing]) as meter:
        start = meter.live
        checkpoint_sequential(blocks, len(blocks) // length, x, use_reentrant=False).sum().backward()
    return (meter.peak - start) / x.nbytes


transformer = build(seed=0, layers=16, width=32, checkpointed=False)
blocks = [partial(block, future=transformer.future) for block in transformer.blocks]
existing = [*transformer.parameters(), transformer.future]
thin, thick = (1, 2, 4, 8, 16, 32, 64), (1, 2, 4, 8, 16)
curves = {
    "64 x tanh": [(thin, [peak([torch.tanh] * 64, [], s) for s in thin])],
    "64/s + s": [(thin, [64 / s + s for s in thin])],
    "16 blocks": [(thick, [peak(blocks, existing, s) for s in thick])],
    "16/s + 20 s": [(thick, [16 / s + 20 * s for s in thick])],
}

# %%
plots.lines(
    curves,
    "blocks in a segment, s",
    "peak, in inputs",
    title="Where to put the checkpoints",
    logarithmic=True,
    logarithmic_x=True,
)

# %% [markdown]
# For tanh the measured line lies on the formula, which hides it; the minimum is 16, at $s = 8 = \sqrt{64}$. The Transformer's
# lies a little above its own (the peak holds gradients too), with its minimum at the left edge: at $A = 20\,a$ the formula's
# $s^*$ is $\sqrt{16/20}$, less than 1. A Transformer block stores so much that **one checkpoint per block is the best that equal
# spacing can do** until $L > 2A/a$, where $M(2) < M(1)$. The peak is then $L\,a + A$: it still grows with depth, twenty times
# more slowly.
#
# ## What it saves: activations only
#
# The record holds the peak at four depths, in two setups: 8 rows at width 32, where activations fill the memory, and 1 row at
# width 64, where weights and Adam's state do. The second is the control. (Memory does not depend on the seed: the five lines
# coincide.)

# %%
measured, depths = evidence.recorded("checkpointing"), (2, 4, 8, 16)


def saving(arm, what=""):
    return [(depths, [m[f"plain-{n}{what}"] / m[f"checkpointed-{n}{what}"] for n in depths]) for m in measured[arm]]


plots.lines(
    {
        "8 rows: peak of the step, weights left out": saving("activations"),
        "8 rows: everything in memory": saving("activations", "-total"),
        "1 row, twice the width: everything in memory": saving("weights", "-total"),
    },
    "layers",
    "times smaller",
    title="What one checkpoint per block saves",
    references={"1": 1},
)

# %% [markdown]
# The saving on the step's memory grows with depth, [from 2.36 times at 2 layers to 8.25 at
# 16](../docs/experiments.md#checkpointing). Of *everything* in memory, 16 layers save 4.7 times in the one setup and 1.11 in the
# other. "Two to three times" is a point on a line, and which line you are on depends on what fills your memory. Checkpointing
# does not touch weights, gradients or optimizer state.
#
# ### The gradients are the same, if the random numbers are
#
# The second run repeats the same operations on the same numbers, so the gradients are [equal to the last bit, in 20 of 20 seeds
# and at every depth](../docs/experiments.md#checkpointing). Unless a block draws random numbers: dropout must draw the *same
# mask* again, so the state of the random generator has to be put back. PyTorch does this by default; `preserve_rng_state=False`
# is right only where nothing is random.


# %%
def gradient_of(stack, seed, run):
    stack.zero_grad()
    torch.manual_seed(seed)  # the same input, and the same masks in the forward pass
    x = torch.randn(64, 32)
    for block in stack:
        x = x + run(block, x)
    x.square().mean().backward()
    return torch.cat([p.grad.flatten() for p in stack.parameters()])


nn = torch.nn
for seed in range(5):
    torch.manual_seed(seed)
    stack = nn.ModuleList(nn.Sequential(nn.Linear(32, 128), nn.GELU(), nn.Dropout(0.1), nn.Linear(128, 32)) for _ in range(4))
    right = gradient_of(stack, seed, lambda block, x: block(x))
    for keep in (True, False):
        found = gradient_of(stack, seed, partial(checkpoint, use_reentrant=False, preserve_rng_state=keep))
        error = (found - right).norm() / right.norm()
        print(f"seed {seed}   state restored: {keep!s:5}   equal bits: {torch.equal(found, right)!s:5}   off by {error:.0%}")

# %% [markdown]
# Without the state each gradient belongs to masks that the loss never saw, and nothing fails. That is the fourth silent mistake
# of this lesson, and one test finds them all: **take one batch that fits, with uneven counts, compute both ways the gradient that
# the optimizer gets, after clipping, and compare.** Rounding means right. (Dropout off for accumulation, whose micro-batches draw
# other masks than the whole; on, with a fixed seed, for checkpointing.)
#
# ## A memory budget
#
# Weights, gradients and optimizer state take a fixed number of bytes per parameter. In mixed precision the optimizer updates fp32
# **master weights** beside the half-precision ones (lesson 05).

# %%
recipes = {
    "fp32, Adam": {"weights": 4, "gradients": 4, "m": 4, "v": 4},
    "half precision + master weights, Adam": {"weights": 2, "gradients": 2, "master weights": 4, "m": 4, "v": 4},
    "fp32, SGD with momentum": {"weights": 4, "gradients": 4, "momentum": 4},
}
for name, bytes_each in recipes.items():
    total = sum(bytes_each.values())
    print(f"{name:38} {total} bytes a parameter, {7 * total} GB for 7B parameters   {bytes_each}")

# %% [markdown]
# Both Adam rows come to 16. **Mixed precision does not shrink what Adam training keeps per parameter**; what it can halve is the
# activations. By this arithmetic the [nearly 2x](https://arxiv.org/abs/1710.03740) of Micikevicius et al. needs, under Adam, a
# memory that activations fill.
#
# Now put the two formulas together: $16 \cdot 12\,L\,d^2$ bytes of state (a block has about $12\,d^2$ weights), and $A$ or $a$
# per block in half precision. Move the sliders, and watch where each line crosses an 80 GB device.


# %%
def budget(layers, width, context):
    rows = [2**power for power in range(9)]
    states = 16 * 12 * layers * width**2 / 1e9
    a = context * width * 2 / 1e9  # gigabytes for a row
    block = context * (16 * width + width // 128 * context + 4) * 2 / 1e9  # heads of 128
    groups = {
        "weights, gradients, Adam": [(rows, [states for _ in rows])],
        "+ activations, checkpointing off": [(rows, [states + layers * block * n for n in rows])],
        "+ activations, checkpointing on": [(rows, [states + (layers * a + block) * n for n in rows])],
    }
    title = f"Memory of {12 * layers * width**2 / 1e9:.1f}B parameters in {layers} blocks, rows of {context} tokens"
    return plots.lines(
        groups, "rows in the micro-batch", "gigabytes", title, logarithmic=True, logarithmic_x=True, references={"80 GB": 80}
    )


live.explore(budget, layers=(24, 32, 48, 96), width=(2048, 4096, 8192), context=(2048, 8192, 32768))

# %% [markdown]
# Accumulation moves you left along a line. Checkpointing moves you to the lower line. Neither moves the flat one: a model whose
# flat line lies above the device needs its state sharded over devices, or an optimizer with less of it. So first make the
# micro-batch smaller, while the hardware stays busy; then checkpoint.

# %% [markdown]
# ## The verdict

# %%
from stabilitylab import ledger

ledger.verdicts("C7", "C12")

# %% [markdown]
# **C7** compares a batch with an eighth of itself. Against the same rows at once the operations are equal in 20 of 20 seeds, and
# the recorded time lies between 0.72 and 1.99 times, depending on the size of the pieces. The danger is not the time but the sum:
# means of uneven micro-batches, a forgotten division, clipping too early.
#
# **C12** has the price right in operations: 0.222 of a step, or 0.296 if the second run goes to its end. In time it was 0.557 on
# our small model. The gain it quotes is no constant: 8 checkpointed layers fitted where 2 plain ones did when activations filled
# the memory, and not even 4 when weights did.
#
# ### What this does not show
#
# - **What a wrong weighting does to a whole run.** A gradient that is off by 71% for one step is not yet a run that fails. And
#   counts from 8 to 256 were chosen to make the error plain.
# - **Models in which rows see each other.** With batch norm, or a contrastive loss over the batch, no weighting makes the pieces
#   add up.
# - **A bigger batch under Adam**, over a long run, or with warmup. The batch experiment is SGD with momentum, one small model,
#   five seeds.
# - **Memory as an allocator sees it.** Live tensor bytes leave out fragmentation, caches and the kernels' workspace. The budget
#   counts the blocks alone.
#
# **At 7B parameters** three things are different. First, devices are micro-batches too: PyTorch's `DistributedDataParallel`
# averages their gradients, so uneven token counts are [the same trap across
# devices](https://github.com/huggingface/transformers/issues/34242), and the tokens of all have to be counted before anybody
# divides. Second, fused attention (PyTorch's `scaled_dot_product_attention`, where it picks such a kernel) does not keep the
# $h\,T$ weights per token; it computes them again, which is checkpointing inside one operation. Third, a big batch is no safety
# device: Molybog et al. (2023) hold that [deep models with large batches are the likelier
# victims](https://arxiv.org/abs/2304.09871) of a divergence that they trace to Adam. On checkpointing, Chen et al. report [a
# 1000-layer residual network going from 48 GB to 7 GB for 30% more running time](https://arxiv.org/abs/1604.06174).

# %% [markdown]
# ## What you predicted

# %%
predictions.review(
    "08-mean-of-means",
    (
        "Off by a median of 0.71 of its length over twenty seeds (0.37 to 2.2), with a median cosine of 0.82: the direction "
        "goes too."
    ),
    outcome="off by tens of percent of its length or more, in direction too",
)
predictions.review(
    "08-bigger-batch",
    "16 rows trained at 0.3 in all five seeds, and died at 1.0 in all five.",
    outcome="They train at 0.3 and die at 1.0",
)
predictions.review(
    "08-checkpointing",
    "1.11 times where weights filled the memory, 4.7 times where activations did.",
    outcome="There is no one answer: it depends on what fills the memory",
)

# %% [markdown]
# ## In the interview, in three sentences
#
# > "I cut the batch into micro-batches, sum the losses, divide by the number of all tokens that count, across devices too, and
# > clip once at the end; then the gradient is the full batch's to rounding, which I check on one batch in fp32 or fp64 before I
# > trust a curve. Against the same batch in one piece that costs the same operations, so time is lost only where the smaller
# > pieces leave the hardware idle, and if one row still does not fit I checkpoint each block, for at most a third more operations
# > and bit-identical gradients as long as dropout draws the same masks again. Neither touches the 16 bytes per parameter of
# > weights, gradients and Adam state, and a bigger batch steadied only what noise had unsettled: a rate that is too high stays
# > too high."
#
# ## What to log in your own runs
#
# Tokens that count per optimizer step, and their least and most per micro-batch. The gradient norm once per step, after
# accumulation and before clipping. Tokens per second beside steps per second, because the second alone makes accumulation look
# slow. Peak memory, and the share of weights, gradients and optimizer state in it. And, in a test, one step's gradient with and
# without either lever.
#
# ## Try it yourself
#
# 1. In the panel, find the smallest batch that trains at a peak LR of `0.3` in three seeds. Is it smaller at `0.1`?
# 2. Real counts are milder than 8 to 256. Measure the mean of means for `Step(seed=0, lengths=(24, 26, 28, 30, 32, 32, 32, 32))`.
#    How even must they be before the error is below one percent?
# 3. Predict the best segment and the peak for a stack of 256 tanh, then run
#    `[peak([torch.tanh] * 256, [], s) for s in (1, 4, 16, 64, 256)]`.
# 4. Is Adam's ceiling as blind to the batch? Repeat the runs of "A bigger batch, or smaller steps?" with `optimizer="adam"` and
#    rates of `0.01` and `0.1`. What would you have to vary to say which scaling rule is better?
#
# **Assignment:**
# [exercises/a5_adamw_accumulation_checkpointing/a5_adamw_accumulation_checkpointing.ipynb](../exercises/a5_adamw_accumulation_checkpointing/a5_adamw_accumulation_checkpointing.ipynb).
# You write AdamW, an accumulated step, and checkpointing from scratch.

# %% [markdown]
# ## Quiz
#
# Answer from the lesson; every choice has its reason.

# %%
from stabilitylab import quiz

quiz("08")

# %% [markdown]
# ## References
#
# - Hugging Face 2024, [*Fixing Gradient Accumulation*](https://huggingface.co/blog/gradient_accumulation).
# - Chen et al. 2016, *Training Deep Nets with Sublinear Memory Cost*, [arXiv:1604.06174](https://arxiv.org/abs/1604.06174).
# - Micikevicius et al. 2017, *Mixed Precision Training*, [arXiv:1710.03740](https://arxiv.org/abs/1710.03740).
# - Molybog et al. 2023, *A Theory on Adam Instability in Large-Scale Machine Learning*,
#   [arXiv:2304.09871](https://arxiv.org/abs/2304.09871).
#
# Next: [09 · Cures in the architecture](09_cures_in_the_architecture.ipynb).
