# %% [markdown]
# # 11 · The interview room
#
# **On trial:** the belief that a question about training stability is answered by naming the right remedy.
#
# **You will be able to** take any stability question apart in four parts, judge weak, good and excellent answers and say why,
# work the usual estimates on a whiteboard, and speak about results from a laptop without claiming too much or too little.
#
# **Time** about 60 minutes. **You need** lessons 00 to 09. It decides no claim of its own.

# %% [markdown]
# ## Two openers
#
# > **A.** *"A 7B Llama-style run: gradients oscillate and the loss spikes in the first 1000 steps. Fix it."*
# >
# > **B.** *"You train a Transformer with Adam at a constant 1e-3. Predict the first 1000 steps."*
#
# The advice that circulates for A: clip the global norm at 1.0, leave the learning rate alone. Now read the report on PaLM: all
# models [clip the global gradient norm at 1.0](https://arxiv.org/abs/2204.02311), and the loss of the largest spiked about 20
# times. The remedy was on before the question was asked. For B you know the popular answer from lesson 01: NaN within 50 steps.
#
# Commit to a prediction for each. The patient for A: 6 layers without norms, Adam, 50 steps of warmup to 3e-2. After some 100
# steps it begins to spike.

# %%
from stabilitylab import predictions

predictions.predict(
    "11-fix",
    (
        "In the log of this run the largest attention logit triples before the gradient norm does, and then the loss spikes. "
        "Which single change saves it?"
    ),
    [
        "Clipping the global norm at 1.0",
        "QK-norm, which keeps the attention logits small",
        "A third of the learning rate",
        "Each of the three",
    ],
)
predictions.predict(
    "11-crossing",
    (
        "Opener B in numbers: post-LN, 4 layers, 256 bytes a step. When is the loss (mean of 20 steps) first below the unigram "
        "entropy, 3.26?"
    ),
    ["Within 50 steps", "Between steps 50 and 200", "Between steps 200 and 800", "Not within 1000 steps"],
)

# %% [markdown]
# ## A frame, and a rubric
#
# 1. **What I would look at first:** which number moved first, and at which step.
# 2. **Hypotheses:** two or three, each with a trace that the others would not leave.
# 3. **The cheapest separating test:** its price, and what each hypothesis predicts, said *before* the result.
# 4. **The fix, and what it costs.**
#
# And one sentence more: **what would change my mind**. The rubric follows the frame.
#
# | score | the answer holds |
# |---|---|
# | 0 | a remedy by name, a confident myth, or wrong arithmetic |
# | 1 | a plausible remedy, its reason recited |
# | 2 | the condition under which the reason holds: optimizer, precision, phase |
# | 3 | hypotheses, a test that separates them, and the cost of the fix |
# | 4 | also what would change your mind, and how far your evidence reaches |

# %% [markdown]
# ## Opener A: it spikes, fix it
#
# **Look first.** Read the panel before you touch a control; the third curve is the largest attention logit.

# %%
from stabilitylab import experiments, live

spiking = experiments.get("oscillation-divergence").arms["high"].config
patient = live.panel(
    spiking,
    controls=["lr", "clip_norm", "decay", "model__norm", "model__qk_norm", "seed", "steps"],
    curves=("loss", "grad_norm", "max_attention_logit"),
)

# %% [markdown]
# Which number moved first? Five seeds; *moved* means above 2, 3 or 5 times its own median of steps 30 to 50.

# %%
from statistics import median

from stabilitylab import diagnose, train


def moved(run, column, factor):
    values = run.column(column)
    return next(step for step in range(50, len(values)) if values[step] > factor * median(values[30:50]))


untreated = [train(spiking.replace(seed=seed)) for seed in live.track(range(5), "Training five models")]
for run in untreated:
    logit, norm = ([moved(run, column, factor) for factor in (2, 3, 5)] for column in ("max_attention_logit", "grad_norm"))
    spike = diagnose(run).spikes[0]
    print(f"seed {run.seed}: logit moved at steps {logit}, gradient norm at {norm}, first spike at {spike}")

# %% [markdown]
# In these five seeds, at each factor, the logit moves before the norm and the spike. **Hypotheses**, then: a bad batch; a rate
# too high; attention logits that saturate the softmax.
#
# **Separate them.** A batch bad in itself should leave its mark at a lower rate too. If the rate is too high, a lower one is calm
# *on the same batches*. And if the gradient's size were the danger, clipping would help. Five seeds each:

# %%
from stabilitylab import evidence, plots

recorded = evidence.recorded("oscillation-divergence")
plots.panels(
    {
        "as it is": untreated,
        "clipped at 1.0": recorded["clip"],
        "a third of the rate": recorded["low"],
    },
    ("loss", "grad_norm", "update_ratio"),
    title="The same batches, three ways",
    colors=(plots.VERMILION, plots.PURPLE, plots.GREEN),
)

# %% [markdown]
# At a third of the rate the same batches show nothing, so they are not bad in themselves (for certain weights they might be, as
# at PaLM). Clipping saves none, in [20 of 20](../docs/experiments.md#oscillation-divergence) fresh seeds. The reason fits on a
# whiteboard. Multiply every gradient by $c$, and Adam's moments follow:
#
# $$m \to c\,m, \qquad v \to c^2 v, \qquad \Delta\theta = -\eta\,\frac{\hat m}{\sqrt{\hat v} + \epsilon}
# \to -\eta\,\frac{c\,\hat m}{c\sqrt{\hat v} + \epsilon} \approx \Delta\theta .$$
#
# A clip that fires on every step has a $c$ that varies as the norm does, little while the run is calm. So a hundred times tighter
# clip should change the applied gradient and hardly the update:

# %%
for label, run in {"as it is": untreated[0], "clipped at 0.01": train(spiking.replace(clip_norm=0.01))}.items():
    applied, ratio = (median(run.column(name)[10:90]) for name in ("clipped_norm", "update_ratio"))
    print(f"{label:16} applied gradient {applied:.3f}   update ratio {ratio:.4f}   {diagnose(run).verdict.value}")

# %% [markdown]
# The gradient is more than a hundred times shorter, the update no shorter at all.
#
# **The third hypothesis** is the seductive one: the logit moved *first*. But a signal that leads is a suspect, not a cause; the
# test is a twin without it. QK-norm keeps the logits small (lesson 09); pre-LN at the same rate is the comparison. Five seeds
# each, trained now:

# %%
changes = {"with QK-norm": {"model__qk_norm": True}, "pre-LN": {"model__norm": "pre"}}
jobs = [(label, seed) for label in changes for seed in range(5)]
tried = {label: [] for label in changes}
for label, seed in live.track(jobs, "Training ten models"):
    tried[label].append(train(spiking.replace(**changes[label], seed=seed)))
curves = {"as it is": untreated} | tried
plots.lines(
    {label: [(run.column("step"), run.column("max_attention_logit")) for run in runs] for label, runs in curves.items()},
    "step",
    "largest attention logit",
    title="The largest attention logit: as it is, held down by QK-norm, and with pre-LN",
    logarithmic=True,
    colors=(plots.VERMILION, plots.BLUE, plots.GREEN),
)

# %%
from collections import Counter

for label, runs in curves.items():
    highest = [max(run.column("max_attention_logit")[:100]) for run in runs]
    verdicts = Counter(diagnose(run).verdict.value for run in runs)
    ended = ", ".join(f"{count} of {len(runs)} {verdict}" for verdict, count in verdicts.items())
    print(f"{label:13} highest logit in 100 steps {min(highest):5.1f} to {max(highest):5.1f}; {ended}")

# %% [markdown]
# With QK-norm the logit stays near 3, and the runs spike all the same: 4 of 5 diverge, the fifth is damaged. With pre-LN it
# follows the patient's for most of the way, and 5 of 5 train. In *this* patient, then, growing logits are not needed for the
# disaster, nor, with other norms, enough for it: a symptom. At other hot rates QK-norm [does lower the
# loss](../docs/experiments.md#lr-sensitivity).
#
# ### The popular answer, refuted and upheld
#
# Three patients, twenty seeds each: the exploding SGD run of lesson 04, this one, and the calm, stuck Adam run of lesson 01.

# %%
import math

seeds = experiments.FRESH_SEEDS
kept = {name: evidence.load(name) for name in ("sgd-explosion", "oscillation-divergence", "stall-cures")}


def ends(name, figure):
    return [kept[name].quantities[figure][seed] for seed in seeds]


def dead(name, expectation):
    return [math.nan for seed in seeds if kept[name].held[expectation][seed]]


# %%
sgd, spikes, stuck = kept
third = "a third\nof the rate"
patients = {
    "SGD, explodes": {
        "nothing": dead(sgd, "explodes"),
        "clip 1.0": ends(sgd, "clip-end"),
        third: ends(sgd, "third-end"),
        "a thirtieth": ends(sgd, "thirtieth-end"),
    },
    "Adam, spikes": {
        "nothing": dead(spikes, "blows-up"),
        "clip 1.0": dead(spikes, "clip-does-not"),
        third: ends(spikes, "low-end"),
    },
    "Adam, stuck": {
        "nothing": ends(stuck, "none-end"),
        "clip 1.0": ends(stuck, "clip-end"),
        "150 steps\nof warmup": ends(stuck, "warmup-end"),
        "pre-LN": ends(stuck, "pre-ln-end"),
    },
}
plots.dots(
    patients,
    "loss at the end",
    title="Three patients, one prescription (a cross: blown up)",
    references={"unigram": untreated[0].unigram},
)

# %% [markdown]
# **Right** in the popular answer: a thirtieth of the rate crawls, and BatchNorm, which it warns against, [lets a Transformer see
# later bytes](../docs/experiments.md#batch-norm). **Wrong:** that clipping alone fixes it. It saves every exploding SGD run and
# no spiking one, and leaves [18 of 20](../docs/experiments.md#stall-cures) stuck. A third of the rate does as well under SGD, and
# saves the spiking run too. And the run of opener A may well have AdamW, [2000 steps of warmup and clipping at
# 1.0](https://arxiv.org/abs/2302.13971), as LLaMA had: ask.
#
# > **Weak (1):** "Gradients explode, so I clip at 1.0 and leave the rate alone."
# >
# > **Good (3):** "Under Adam clipping hardly changes the update. I would restart two twins from a checkpoint, one with other
# > batches, one at a third of the rate; whichever is calm names the suspect. A lower rate may cost speed: I compare final
# > losses."
# >
# > **Excellent (4):** "What is on already: clipping, warmup, bf16? Then I want the step at which anything first moved: raw norm,
# > update ratio, attention logits. I suspect the rate, the data or attention. The first two cost a twin of a hundred steps each,
# > attention a fresh start with QK-norm, so it waits. If a third of the rate is calm on the same batches, I lower the peak, and
# > look for norms that tolerate the old one, because final losses may differ. If other batches are calm, I rewind and skip. The
# > same spike at a third of the rate would change my mind. In small models without norms I saw clipping save none of twenty such
# > runs under Adam and all of twenty under SGD; at 7B I have not measured it."
#
# **Probed:** do you ask what is on already, and know which optimizer your reasons belong to? **Follow-ups:** *What does a clip
# change under Adam after one bad batch?* (Lesson 09.) *You may restart once: which twin?* *Every twin is calm, what now?* (As at
# PaLM, whose batches did no harm from another checkpoint: rewind, skip.)

# %% [markdown]
# ## Opener B: predict the first 1000 steps
#
# First number: *where does the curve begin?* Let the untrained logits be independent and normal, with mean 0 and variance
# $\sigma^2$, and $V$ the size of the vocabulary. By the law of large numbers
#
# $$\mathbb E\Big[\log\sum_{j=1}^{V} e^{z_j} - z_y\Big] \approx \log\big(V\,\mathbb E\,e^{z}\big) - 0
# = \ln V + \frac{\sigma^2}{2} .$$
#
# Behind a final LayerNorm the inputs of the head have mean square 1; with Xavier weights of variance $2/(32+256)$ the logits have
# $\sigma^2 = 32\cdot 2/288$.

# %%
import torch

constant = experiments.get("constant-lr")
print(f"on paper: variance {32 * 2 / 288:.3f}, loss {math.log(256) + 32 / 288:.2f}")
for seed in range(5):
    untrained = constant.trainer("textbook", seed)
    inputs, targets = untrained.batches(0)
    with torch.no_grad():
        logits = untrained.model(inputs)
        print(f"seed {seed}: variance {logits.var():.3f}, loss {untrained.loss(inputs, targets):.2f}")

# %% [markdown]
# Now the setting itself. The panel trains its first 200 steps; the recorded runs have all 1000.

# %%
panel = live.panel(
    constant.arms["textbook"].config.replace(steps=200),
    controls=["lr", "warmup_steps", "model__norm", "model__init", "dtype", "master_weights", "seed", "steps"],
)

# %%
for arm in ("textbook", "textbook-pre"):
    crossings = []
    for run in evidence.recorded("constant-lr")[arm]:
        losses = run.column("loss")
        crossings.append(next(step for step in range(20, len(losses)) if sum(losses[step - 20 : step]) / 20 < run.unigram))
    print(f"{arm:13} below the unigram entropy after {min(crossings)} to {max(crossings)} steps, ten seeds")

# %% [markdown]
# So: start near 5.6, below the unigram line after about a hundred steps, [2.39 nats](../docs/experiments.md#constant-lr) after a
# thousand (2.29 to 2.44 over twenty seeds), no spike. Then the conditions: 1e-3 on the left, hotter on the right.

# %%
source = {name: evidence.load(name) for name in ("constant-lr", "stall-cures", "no-norms", "fp16-weights")}
arms = {
    "post-LN\n1e-3": ("constant-lr", "textbook-end"),
    "pre-LN\n1e-3": ("constant-lr", "textbook-pre-end"),
    "24 layers\nno norms\n1e-3": ("no-norms", "gentle-end"),
    "fp16 pass\nfp32 weights\n1e-3": ("fp16-weights", "master-end"),
    "fp16 weights\n1e-3": ("fp16-weights", "first-update-is-nan"),
    "post-LN\n1e-2": ("constant-lr", "hot-end"),
    "pre-LN\n1e-2": ("stall-cures", "pre-ln-end"),
    "24 layers\nno norms\n1.5e-2": ("no-norms", "explodes"),
}
where = {}
for label, (name, key) in arms.items():
    found, held = source[name].quantities.get(key), source[name].held.get(key)
    where[label] = [found[seed] for seed in seeds] if found else [math.nan for seed in seeds if held[seed]]
plots.dots(
    {"twenty seeds": where},
    "loss at the end",
    title="Where a constant rate leads (a cross: blown up)",
    references={"unigram": untreated[0].unigram},
)

# %% [markdown]
# (The fp16 arms have 60 steps, the first two 1000: compare outcomes, not heights.) NaN at 1e-3 is real where the *weights* are
# fp16: after the first update. The popular cure, warmup, prevents the stall at 1e-2 and does nothing for fp16 weights.
#
# > **Weak (0):** "NaN within 50 steps, because the second moment is not estimated yet. Warm up."
# >
# > **Good (2):** "With norms and fp32 I expect it to train; Adam's first step moves each weight by the learning rate, and that
# > hurts only at a higher rate. I would warm up anyway."
# >
# > **Excellent (4):** "Which norms, which precision, how large? A small model with norms in fp32 starts a little above ln V,
# > passes the unigram entropy after a hundred or so small batches and trains. Ten times hotter, post-LN stalls at that entropy
# > without a NaN. NaN I expect from fp16 weights and Adam's usual epsilon, at any learning rate. At 7B I have measured nothing:
# > my guess is that 1e-3 without warmup is too hot, by a spike or a stall, and short runs at three rates would tell. A NaN in
# > fp32 with norms would change my mind, and make me look for a bug."
#
# **Probed:** do you ask for what is missing, and keep NaN, divergence and stall apart? **Follow-ups:** *How would you show that
# warmup helps, and not decay?* (Lesson 02: all four combinations.) *How long a warmup?* *It sits at a flat loss: which number
# first?*

# %% [markdown]
# ## Estimation warm-ups
#
# On paper first: the norm of a million gradients of 0.01; Noam's peak for width 512 and 4000 steps of warmup; the memory of
# weights, gradients and Adam for 7B parameters in mixed precision; the smallest fp16 number, and where zero begins.

# %%
gradients = torch.full((1_000_000,), 0.01)
print(f"norm                {gradients.norm():.2f}        (sqrt(1e6) * 0.01; without the square: {1e6 * 1e-4:.0f})")
print(f"Noam's peak         {(512 * 4000) ** -0.5:.1e}     ((width * warmup)^-0.5; width^-0.5 alone: {512**-0.5:.3f})")
per_parameter = 2 + 2 + 4 + 4 + 4  # fp16 weight and gradient; fp32 master weight, first and second moment
print(f"Adam at 7B          {7 * per_parameter} GB      ({per_parameter} bytes a parameter, before any activation)")
for power in (-24, -25):
    print(f"2^{power} in fp16      {torch.tensor(2.0**power, dtype=torch.float16).item():.2g}")

# %% [markdown]
# ## The drill
#
# Answer aloud in three sentences, then unfold.
#
# <details><summary><b>The loss is NaN. Does clipping help?</b></summary>
#
# "No: one NaN gradient makes the norm NaN, and with it every gradient; one inf turns all others to 0 and itself to NaN. Clipping
# lowers the risk only while an exploding gradient is still finite. I would skip the step, and find the first tensor that was not
# finite." (Lesson 06, [clipping-facts](../docs/experiments.md#clipping-facts).)
# </details>
#
# <details><summary><b>Why warmup?</b></summary>
#
# "It lets a run survive a higher peak, by small updates while the model is untrained. In a small post-LN model 150 steps trained
# a hot run in 20 of 20 seeds, and 25 left it stuck in 19 of 20. Why is contested; filling the second moment beforehand did not
# replace it." (Lesson 02, [warmup-length](../docs/experiments.md#warmup-length),
# [second-moment](../docs/experiments.md#second-moment).)
# </details>
#
# <details><summary><b>The loss is flat. What do you do with the learning rate?</b></summary>
#
# "I compare its height with the unigram entropy, then branch a checkpoint at a higher and a lower rate. Raising 1e-5 to 1e-3
# gained a crawl more than a nat in 100 steps, so 'never raise' is false. A run stuck after a hot start was freed by no rate I
# tried in 17 of 20 seeds: restart it, with warmup." (Lesson 07, [plateau](../docs/experiments.md#plateau).)
# </details>
#
# <details><summary><b>What is a cosine schedule's rate at half way?</b></summary>
#
# "Half of the base rate, if progress is counted over the decay and the decay goes to 0. In the middle of a run with 10% warmup it
# is 0.59, and with a floor of a tenth 0.55. I print a schedule before I use it." (Lesson 02,
# [schedule-facts](../docs/experiments.md#schedule-facts).)
# </details>
#
# <details><summary><b>What do you monitor?</b></summary>
#
# "Loss against reference lines, the raw gradient norm over its recent median, the early update ratio, non-finite gradients, the
# loss scale. Of four incidents no single alarm caught all, and together they did, in 20 of 20 seeds. A stuck run tripped the
# update ratio at step 0 and, for ten steps, nothing else." (Lesson 06, [alarms](../docs/experiments.md#alarms).)
# </details>
#
# <details><summary><b>Is gradient accumulation exact, and what does it cost?</b></summary>
#
# "It is exact if summed losses are divided by the count of all tokens; a mean of means over 8 to 256 tokens was 71% off in the
# median. Eight micro-batches take 8 times the operations of one, and exactly those of the same data in one batch. I clip once,
# after the sum." (Lesson 08, [accumulation](../docs/experiments.md#accumulation).)
# </details>
#
# <details><summary><b>Why loss scaling, and why not a fixed 1024?</b></summary>
#
# "fp16 rounds 2^-25 and less to zero; a factor on the loss lifts gradients above that, and I unscale before I clip. 1024 cured
# gradients 1024 times too small and not those 2^20 times too small, while a static 2^24 was inf at the first step. So the scale
# is dynamic, or the format bf16." (Lesson 05, [loss-scaling](../docs/experiments.md#loss-scaling).)
# </details>
#
# <details><summary><b>What do you read off a learning-rate range test?</b></summary>
#
# "A bracket. The steepest slope lay 4.35 times below the best rate of a grid (3.65 to 11), and the minimum was too hot. A tenth
# of the minimum ended within 0.15 nat of the best in 20 of 20 seeds, for one sweep length, so I would confirm it with short
# runs." (Lesson 07, [lr-range-test](../docs/experiments.md#lr-range-test).)
# </details>
#
# <details><summary><b>Weight decay or L2?</b></summary>
#
# "Inside Adam the L2 term is divided by the root of the second moment, so weights with small gradients decay most. After 1000
# steps 0.262 of a weight was left at gradient noise 0.01 and 0.99 at noise 10; AdamW left 0.905 of both. For plain SGD the two
# agree, up to a factor." (Lesson 07, [adam-l2](../docs/experiments.md#adam-l2).)
# </details>
#
# <details><summary><b>What does gradient checkpointing buy, and for what?</b></summary>
#
# "Activation memory, for a second forward pass of the blocks: 22% more operations here, gradients equal to the last bit. Leaving
# the weights out, the peak fell 2.36 times at 2 layers and 8.25 at 16; of all memory, where weights filled it, only 1.11 times,
# so 'two to three times bigger' depends on that." (Lesson 08, [checkpointing](../docs/experiments.md#checkpointing).)
# </details>

# %% [markdown]
# ## Speaking of numbers from a laptop
#
# Small numbers are worth hearing with their model, seeds, spread and baseline, and worth nothing as laws. How much do $n$ seeds
# without a failure show? If the failure rate is $p$, that has probability $(1-p)^n$; it drops to 5% at
#
# $$p = 1 - 0.05^{1/n} \approx \frac{3}{n}, \qquad \text{since } \ln 0.05 \approx -3 ,$$
#
# which is called the *rule of three*.

# %%
for n in (1, 5, 20, 140):
    print(f"{n:3} seeds, no failure: rates up to {1 - 0.05 ** (1 / n):.0%} remain plausible (3/n: {3 / n:.0%})")
for name in ("no-norms", "no-norms-fp16"):
    held = evidence.load(name).held["warmup-trains"]
    first, fresh = (sum(held[seed] for seed in group) for group in (experiments.DEFAULT_SEEDS, seeds))
    print(f"{name:14} warmup trains it: {first} of 5 seeds, then {fresh} of 20 fresh ones")

# %% [markdown]
# A cure perfect on five seeds worked on 14 of 20 fresh ones; five had never promised more. And the stuck run of lesson 01 escaped
# in [10 seeds out of 140](../docs/experiments.md#stall-cures) with clipping, and in 6 untreated: one lucky seed sells a wrong
# cure.
#
# - **Say:** "in a 4-layer model, on twenty of twenty seeds, against a baseline that fails"; the mechanism; what did not work.
# - **Do not say:** a threshold as a law ("1e-2 is too hot"), a gain without a baseline, "it scales".
# - **Asked about scale:** name the closest published run, and the test to buy first.

# %% [markdown]
# ## The verdict
#
# The claims on which the two openers rest:

# %%
from stabilitylab import ledger

ledger.verdicts("A1", "A5", "A6", "B1", "B4", "D5")

# %% [markdown]
# **A1** and **A5** make opener A: cutting the rate is right and the factor thirty wrong; clipping alone is a cure under SGD.
# **A6** is right for a better reason than advice gives: BatchNorm trains here, and sees the future. **B1** is false as stated,
# **B4** holds with two conditions, and *why* warmup works is **contested**. **D5** is behind every separating test. The belief on
# trial fails by its own example: a remedy saves one patient and not the next.
#
# ### What this does not show
#
# - **What an interviewer wants.** The rubric is an opinion, with these runs behind it.
# - **That growing logits are harmless.** One patient, five seeds; and QK-norm and pre-LN change more than logits.
# - **Growing spikes under Adam with norms.** The patient has none, its weakness as a stand-in for opener A.
# - **Other settings.** The rule of three bounds failures among the seeds of *one* setting.
#
# **At 7B parameters** price orders the tests. PaLM's smaller models [did not spike](https://arxiv.org/abs/2204.02311) where the
# largest did, so a calm small run proves little. Conversely, [attention-logit growth and output-logit
# divergence](https://arxiv.org/abs/2309.14322) do appear in small models at high learning rates, and the cures used at scale work
# there. Operators may settle for less than a cause: when norms drifted up in mid-run, OPT's team [lowered the rate by
# 10%](https://github.com/facebookresearch/metaseq/tree/main/projects/OPT/chronicles) and went on.

# %% [markdown]
# ## What you predicted

# %%
predictions.review(
    "11-fix",
    (
        "A third of the rate: calm on the same batches in 20 of 20 seeds. Clipping saved none of 20, and QK-norm kept the "
        "logits small and saved none of 5."
    ),
    outcome="A third of the learning rate",
)
predictions.review(
    "11-crossing", "After 93 to 128 steps in ten seeds of post-LN, 92 to 128 of pre-LN.", outcome="Between steps 50 and 200"
)

# %% [markdown]
# And the six questions of the [pre-test](00_start_here.ipynb), each with the lesson that shows the answer. Read your old reasons
# too: a right answer for a wrong reason scores 1.

# %%
predictions.review(
    "pre-nan",
    "Once a NaN is in the gradients, clipping spreads it; before that it can lower the risk (lesson 06).",
    outcome="It can lower the risk, but it does not remove a NaN that is there",
)
predictions.review(
    "pre-adam-scale",
    "Gradients 100 times as large ended within 0.1 nat of the same run in 20 of 20 seeds: the scale divides out (lesson 03).",
    outcome="much the same",
)
predictions.review(
    "pre-warmup",
    "The same peak that stalls without warmup trains with it; at a sane rate it was not needed (lessons 01 and 02).",
    outcome="It lets training survive a higher peak learning rate",
)

# %%
predictions.review(
    "pre-plateau",
    (
        "The rate, in either direction: a crawl wants more, a hot start wants warmup, and the height against the unigram "
        "entropy tells much (lesson 07)."
    ),
    outcome="the learning rate: it may be too high or too low, so look at what the value means",
)
predictions.review(
    "pre-fp16", "Zero: everything up to 2^-25, about 3e-8, is rounded to it (lesson 05).", outcome="rounded to zero"
)
predictions.review(
    "pre-firing",
    "It may be normal: healthy runs fired on most early steps, and no single limit told sick from healthy (lesson 04).",
    outcome="may be normal at this scale and limit: the rate alone does not say",
)

# %% [markdown]
# ## In the interview, in three sentences
#
# > "Before I name a fix I would like the step at which something first moved, and which remedies are on already, because the same
# > remedy saves one run and does nothing for another. My hypotheses are the rate, the data and the arithmetic, and I would
# > separate them with twins of a hundred steps from one checkpoint, saying beforehand what each predicts. Then I take the
# > cheapest fix that the tests support, say what it costs and what result would change my mind, and tell you which part I have
# > measured and at what scale."
#
# ## What to log in your own runs
#
# A line per experiment, to quote from later: question, prediction, twin, seeds, spread, surprise. Per run, the first step at
# which each number left its usual range.
#
# ## Try it yourself
#
# 1. In the panel of opener A, find the highest peak that still trains. Is it the same on three seeds? Say so in one honest
#    sentence.
# 2. "A rate too high" is not yet a mechanism. Give the patient a longer warmup:
#    `diagnose(train(spiking.replace(warmup_steps=100, steps=180)))`. Was the *speed* of the rise to blame, or the height?
# 3. Predict the start of the curve for `init="gpt2"` (weights of standard deviation 0.02) and for a model without a final norm
#    (`norm="none"`, `init="torch"`), then measure both as in opener B. Without the final norm one input of the formula can no
#    longer be read off the configuration: which?
#
# **Assignment:** [exercises/a6_capstone/a6_capstone.ipynb](../exercises/a6_capstone/a6_capstone.ipynb). The six assignments are
# coding rounds: take whichever of [a1](../exercises/a1_clipping/a1_clipping.ipynb) to a6 is not done yet, explaining aloud.

# %% [markdown]
# ## The room
#
# The mock interview draws its questions by weakness, from your quizzes and your earlier scores. You answer first, then compare
# with a model answer and score yourself by the question's rubric; a coding round ends with `room.submit(your_function)` in a cell
# of your own. The history stays in `work/`. `stabilitylab interview --minutes 15` is the same in a terminal, and
# `stabilitylab cards --anki FILE.apkg` makes flash cards.

# %%
from stabilitylab import interview_room

room = interview_room.enter()

# %% [markdown]
# ## Quiz
#
# Which answer is stronger, and why?

# %%
from stabilitylab import quiz

quiz("11")

# %% [markdown]
# ## References
#
# - Touvron et al. 2023, *LLaMA: Open and Efficient Foundation Language Models*,
#   [arXiv:2302.13971](https://arxiv.org/abs/2302.13971), section 2.3.
# - Chowdhery et al. 2022, *PaLM: Scaling Language Modeling with Pathways*, [arXiv:2204.02311](https://arxiv.org/abs/2204.02311).
# - Zhang et al. 2022, *OPT*, [chronicles](https://github.com/facebookresearch/metaseq/tree/main/projects/OPT/chronicles).
# - Wortsman et al. 2023, *Small-scale proxies for large-scale Transformer training instabilities*,
#   [arXiv:2309.14322](https://arxiv.org/abs/2309.14322).
# - Kingma & Ba 2014, *Adam*, [arXiv:1412.6980](https://arxiv.org/abs/1412.6980).
# - Henry et al. 2020, *Query-Key Normalization for Transformers*, [arXiv:2010.04245](https://arxiv.org/abs/2010.04245).
#
# Back to [00 · Start here](00_start_here.ipynb): where your pre-test differs from what you know now, the lesson named above is
# the one to read again.
