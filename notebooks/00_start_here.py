# %% [markdown]
# # 00 · Start here
#
# **Claim of this lesson:** a training run tells you what is happening to it, if you log a handful of numbers and know what a
# healthy run looks like.
#
# **You will be able to** read the panels of this course, tell a run that has learned nothing but letter frequencies from one that
# has learned more, and work through a lesson by predicting, running and explaining.
#
# **Time** about 20 minutes. **You need** Python and PyTorch basics: what a loss, a gradient and an optimizer are.
#
# Everything here trains real Transformers, small ones, on your own CPU. Nothing is recorded video: when a curve moves, a model is
# learning (or dying) at that moment.

# %% [markdown]
# ## The text, and three numbers to remember
#
# The models read English prose one byte at a time and predict the next byte. The text comes with the course:
# it is Python's language reference, about 466 kB. Run this cell (Shift+Enter) to see one row of a training batch.

# %%
from stabilitylab import corpus

text = corpus.load()
batch = text.batches(batch_size=8, context=64, seed=0)(0)
print(f"{(len(text.train) + len(text.validation)) / 1000:.0f} kB of text; the first row of a batch:")
print(bytes(batch.inputs[0].tolist()).decode("utf-8", "replace"))

# %% [markdown]
# The loss is measured in **nats per byte**: the negative natural logarithm of the probability that the model gave to the byte
# that came. Lower is better. Three reference values make any loss readable:

# %%
import math

print(f"uniform guess, knows nothing             {math.log(256):.2f} nats")
print(f"unigram, knows how common each byte is   {text.unigram_entropy:.2f} nats")
print(f"bigram, also knows the previous byte     {text.bigram_entropy:.2f} nats")

# %% [markdown]
# A model starts near the first line (or above it, if its initial weights make it confidently wrong). It reaches the second line
# by learning a table of 256 frequencies, for which it need not look at its input at all. Only below the second line has it begun
# to *read*. A run that sits on the second line looks calm and healthy on a dashboard, and has learned almost nothing: we call it
# **stuck at the unigram plateau**, and you will meet it again.
#
# (Your own text works too: any UTF-8 file, for example `mine.txt` uploaded beside this lesson, passed as
# `RunConfig(text="mine.txt")`. The reference lines are computed from it.)

# %% [markdown]
# ## A healthy run
#
# The next cell shows a live panel and trains once: two layers, Adam, a short warmup, then a cosine to zero. The model is a
# *pre-LN* Transformer, which normalises the input of every attention and MLP branch and leaves the residual stream alone; the
# original Transformer was *post-LN* and normalised the sum after every branch. It takes a few seconds.
#
# - The **loss** falls quickly at first, crosses the unigram line and keeps falling. It is noisy because every step sees another
#   small batch.
# - The **global gradient norm** is the length of the gradient over all parameters together. In this healthy run it starts near 1
#   and stays between about 0.4 and 2. The axis is logarithmic.
# - The **learning rate** is what the schedule asked for: up during warmup, then down.
#
# Under the buttons stands the **verdict**, a definition applied to the curve and not somebody's opinion.

# %%
from stabilitylab import ModelConfig, RunConfig, live

healthy = RunConfig(
    model=ModelConfig(layers=2, width=64, heads=4, context=32, norm="pre", init="xavier"),
    lr=3e-3,
    warmup_steps=20,
    decay="cosine",
    steps=200,
    batch_size=8,
)
panel = live.panel(healthy)

# %% [markdown]
# **Now you.** Four things to try, a few seconds each:
#
# 1. Press **Pin**. The curve stays as a grey ghost to compare with.
# 2. Move **peak LR** all the way up to 1 and press **Run**. Where does the loss end up, and which line did it cross on the way?
# 3. Press **Run** and then **Stop** while the curve moves. The run ends after the step it is in.
# 4. Set the peak LR to `1e-5` and press **Run**. The verdict has a name for this as well. **Reset** takes you back.
#
# Some settings cannot be trained, such as more warmup than steps. The panel says so in a sentence; nothing breaks.

# %% [markdown]
# ## What is measured at every step
#
# Every run in this course is a stream of records, one per step. The panels, the plots and the detectors you will write all read
# this stream.

# %%
import dataclasses

for name, value in dataclasses.asdict(panel.run.records[-1]).items():
    print(f"{name:22} {value:.4g}")
norms = panel.run.column("grad_norm")
print(f"\nThe gradient norm of the whole run: {norms[0]:.1f} at first, {min(norms):.1f} to {max(norms):.1f} in all.")

# %% [markdown]
# The ones you will use most:
#
# | record | what it is | what it tells you |
# |---|---|---|
# | `loss` | mean loss of this batch, before the update | whether it learns; the last to know when something breaks |
# | `grad_norm` | global gradient norm before clipping | explosions and bad batches show here first |
# | `clipped` | whether clipping changed the gradient | how often it happens is the *firing rate*, a diagnosis in itself |
# | `update_ratio` | length of the update over length of the parameters | how violently the model is being rewritten |
# | `max_attention_logit` | largest attention score before the softmax | growing attention, a slow road to divergence |
# | `flushed_fraction` | gradients that half precision rounded to zero | fp16 underflow |
#
# ## The verdicts
#
# | verdict | in short |
# |---|---|
# | trained | ended below the unigram line, no spike on the way |
# | stuck at the unigram plateau | ended at the unigram line and no longer falling |
# | crawling | still above the unigram line, and falling |
# | spiked and recovered | rose by more than 1 nat at once, and still ended below the unigram line |
# | spiked and damaged | rose by more than 1 nat, and ended clearly above where it had been |
# | fell, then rose | rose slowly after its best stretch, and did not come back to it |
# | frozen at its start | never left the level it began at |
# | diverged | ended above its own start and above a uniform guess |
# | non-finite | a loss, or a gradient that was applied, was inf or NaN |
#
# `help("stabilitylab.training.diagnosis")` has the exact definitions, and rarer verdicts. `stabilitylab diagnose FILE` judges the
# log of a run of your own. Notice what a verdict is not: it judges one curve. Whether a spike did harm is better told by a twin
# run without it, and whether a setting is good is told by several seeds, never by one.

# %% [markdown]
# ## How a lesson works: predict, run, explain
#
# Every lesson puts a popular claim on trial. Before the experiment runs you **commit to a prediction**, with a reason. Then it
# **runs**, over several seeds, and you see the spread. Then you **explain** the difference between the two, which is where the
# learning is. Some claims hold, some hold with a condition, and quite a few fail as stated. The lesson says only what its
# experiment shows, and also what it does not show.
#
# Try it on the run above.

# %%
from stabilitylab import predictions

predictions.predict(
    "00-ten-times-lr",
    "The healthy run uses a peak LR of 3e-3. What will a peak of 3e-2, ten times higher, do?",
    [
        "It ends in NaN",
        "It trains, about equally well",
        "It trains worse, without exploding",
        "It gets stuck at the unigram plateau",
    ],
)

# %%
from stabilitylab import diagnose, plots, train

runs = {f"peak {lr:g}": [train(healthy.replace(lr=lr, seed=seed)) for seed in range(3)] for lr in (3e-3, 3e-2)}
plots.panels(runs, ("loss", "grad_norm"), title="The healthy run, and ten times its learning rate, three seeds each")

# %%
ends = {label: sorted(diagnose(run).final_loss for run in group) for label, group in runs.items()}
happened = "; ".join(f"{label} ended between {end[0]:.2f} and {end[-1]:.2f}" for label, end in ends.items())
predictions.review("00-ten-times-lr", f"All six runs trained; {happened}. So: a little worse, and nothing broke.")

# %% [markdown]
# ## A short pre-test
#
# Six questions, five minutes. Commit to an answer for each. You are not told which are right: the lessons will do that, and at
# the end of the course you can compare what you thought now with what you know then.

# %%
predictions.predict(
    "pre-nan",
    "1. A training loss becomes NaN. What does global-norm clipping at 1.0, already switched on, do about it?",
    [
        "It prevents NaN, so the cause lies elsewhere",
        "It can lower the risk, but it does not remove a NaN that is there",
        "It sets NaN gradients to zero",
    ],
)
predictions.predict(
    "pre-adam-scale",
    "2. Under Adam you multiply the loss by 100. After a few hundred steps the run is",
    ["much the same", "diverged", "trained faster"],
)

# %%
predictions.predict(
    "pre-warmup",
    "3. What is learning-rate warmup for?",
    [
        "It makes the final loss lower at any learning rate",
        "It lets training survive a higher peak learning rate",
        "It saves memory in the first steps",
    ],
)
predictions.predict(
    "pre-plateau",
    "4. The loss fell fast, then stays flat at a high value, with small, finite gradients. Your first suspect is",
    [
        "the learning rate: it may be too high or too low, so look at what the value means",
        "vanishing gradients",
        "too little data",
    ],
)

# %%
predictions.predict(
    "pre-fp16",
    "5. Gradients of size 1e-8 are computed in fp16. They are",
    ["kept, with less precision", "rounded to zero", "rounded up to the smallest fp16 number"],
)
predictions.predict(
    "pre-firing",
    "6. Clipping at max_norm 1.0 fires on 90% of the steps of a run that trains well. This",
    ["is always a sign of a broken setup", "may be normal at this scale and limit: the rate alone does not say", "cannot happen"],
)

# %% [markdown]
# ## Where things are
#
# | place | what is there |
# |---|---|
# | `notebooks/`, `exercises/` | your copies of the lessons, in order, and of the assignments; what you edit there stays, and a newer version is put beside it |
# | the folder above them (`work/` in a terminal) | all that is yours: these copies, your predictions, answers and saved runs |
# | `stabilitylab list` (in a terminal) | every experiment, with its arms |
# | `stabilitylab run no-norms --arm constant --seed 3` | one arm of one experiment, with a verdict and a figure |
# | `stabilitylab quiz` | questions of all lessons; what you missed comes back sooner |
# | `stabilitylab progress` | where you stand; the next cell shows the same |

# %%
from stabilitylab import progress

progress.show()

# %% [markdown]
# Next: [01 · Adam at a constant learning rate](01_constant_lr_adam.ipynb), which opens with an interview question that most
# textbooks get wrong.
