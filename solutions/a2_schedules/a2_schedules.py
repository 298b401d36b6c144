# %% [markdown] nbgrader={"grade": false, "grade_id": "intro", "locked": true, "schema_version": 3, "solution": false, "task": false}
# # Assignment 2: learning-rate schedules
#
# A schedule is a function from a step to a learning rate. It is ten lines long and easy to get wrong: a line that starts one step
# late, a cosine that climbs again after its end, a peak that is 63 times too hot. None of these raises an error. You will write
# the three usual schedules, read a learning-rate range test, and free a stuck run with your own warmup in the training loop.
#
# | question | points | difficulty | minutes |
# |---|---|---|---|
# | 1 `warmup_cosine` | 7 | medium | 15 |
# | 2 `warmup_inverse_sqrt` | 4 | easy | 5 |
# | 3 `noam` | 4 | easy | 5 |
# | 4 `lr_range_test` | 6 | hard | 25 |
# | 5 `rescue` | 4 | medium | 10 |
# | 6-9 quiz | 4 | easy | 10 |
# | 10 in your own words (graded by hand) | 3 | medium | 10 |
#
# **How it works.** Replace each `raise NotImplementedError()` by your code and run the check below it. A check tells you which
# misconception it found, if it knows one. When your work is graded the same things are checked on other numbers. Write the
# schedules yourself: the course's own (`stabilitylab.warmup_then`, also by way of a `RunConfig`) is ruled out, and
# using it earns nothing on that question. `math`, `numpy` and `torch` are allowed.
#
# **What holds throughout.** Steps are counted from 0, and the rate of step 0 is that of the first update. A rate is returned as a
# number (or as a NumPy or torch value with one element). The arguments after the `*` are passed by name. A function remembers
# nothing from call to call, and changes nothing that it is given.

# %% nbgrader={"grade": false, "grade_id": "setup", "locked": true, "schema_version": 3, "solution": false, "task": false}
import math

from stabilitylab import check, diagnose, plots, train
from stabilitylab.exercises.a2_schedules import STUCK
from stabilitylab.experiments.learning_rate.lr_range_test import FIXED, SWEEP, swept_rate

# %% [markdown] nbgrader={"grade": false, "grade_id": "warmup_cosine_text", "locked": true, "schema_version": 3, "solution": false, "task": false}
# ## 1. Warmup, then half a cosine
#
# *7 points, medium, about 15 minutes.*
#
# `warmup_cosine(step, *, base_lr, warmup_steps, total_steps, min_lr=0.0)` returns the learning rate of one step:
#
# - **Warmup:** a straight line from 0 at step 0 to `base_lr` at step `warmup_steps`. It starts at 0 whatever `min_lr` is.
# - **Decay:** half a cosine from `base_lr` at step `warmup_steps` down to `min_lr` at step `total_steps`. Let $p$ be the share of
#   the decay that is done, from 0 to 1; then the rate is
#
# $$\text{min\_lr} + (\text{base\_lr} - \text{min\_lr}) \cdot \tfrac{1}{2} \, (1 + \cos \pi p)$$
#
# - **After it:** `min_lr` at every step past `total_steps`.
#
# `warmup_steps` may be 0: then the rate of step 0 is `base_lr`. `min_lr` is a learning rate, not a share of `base_lr`. You may
# rely on `0 <= warmup_steps < total_steps`. The loop may ask for any step, in any order, and more than once.
#
# With `min_lr = 0` this is the convention of the common libraries, such as `get_cosine_schedule_with_warmup` of Hugging Face. Its
# first step has rate 0, so a whole forward and backward pass moves no weight. Others therefore use `(step + 1) / warmup_steps`
# and start at one `warmup_steps`-th of the peak. In a plot of a long warmup the two look alike, and the numbers differ at every
# step of it: know which one you are reading.
#
# <details><summary>Hint 1: how to start</summary>
# Three cases, in the order of the steps. Return early from the warmup, and there is no division by warmup_steps when it is 0.
# </details>
# <details><summary>Hint 2: the share of the decay</summary>
# Both the numerator and the denominator count from the end of the warmup.
# </details>
# <details><summary>Hint 3: past the end</summary>
# A cosine does not stop at its lowest point. Limit the share to 1.
# </details>


# %% nbgrader={"grade": false, "grade_id": "warmup_cosine_code", "locked": false, "schema_version": 3, "solution": true, "task": false}
def warmup_cosine(step, *, base_lr, warmup_steps, total_steps, min_lr=0.0):
    """Learning rate of a step: a line from 0 to base_lr, half a cosine to min_lr at total_steps, then min_lr."""
    ### BEGIN SOLUTION
    if step < warmup_steps:
        return base_lr * step / warmup_steps
    progress = min(1.0, (step - warmup_steps) / (total_steps - warmup_steps))
    return min_lr + (base_lr - min_lr) * 0.5 * (1 + math.cos(math.pi * progress))
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "warmup_cosine", "locked": true, "points": 7, "schema_version": 3, "solution": false, "task": false}
check("a2_schedules/warmup_cosine", warmup_cosine)

# %% [markdown] nbgrader={"grade": false, "grade_id": "warmup_inverse_sqrt_text", "locked": true, "schema_version": 3, "solution": false, "task": false}
# ## 2. Warmup, then the inverse square root
#
# *4 points, easy, about 5 minutes.*
#
# A cosine must know where the run ends. This schedule need not, and can be trained on for as long as you like.
#
# `warmup_inverse_sqrt(step, *, base_lr, warmup_steps)` returns
#
# - before step `warmup_steps`: a straight line from 0 at step 0 to `base_lr` at step `warmup_steps`
# - from step `warmup_steps` on: $\text{base\_lr} \cdot \sqrt{\text{warmup\_steps} / \text{step}}$
#
# The step under the root is counted from the beginning of the run. `warmup_steps` is at least 1.
#
# <details><summary>Hint</summary>
# At step warmup_steps the root is 1, so the two pieces meet. Four times as many steps in, the rate is a half of base_lr.
# </details>


# %% nbgrader={"grade": false, "grade_id": "warmup_inverse_sqrt_code", "locked": false, "schema_version": 3, "solution": true, "task": false}
def warmup_inverse_sqrt(step, *, base_lr, warmup_steps):
    """Learning rate of a step: a line from 0 to base_lr, then base_lr * sqrt(warmup_steps / step)."""
    ### BEGIN SOLUTION
    if step < warmup_steps:
        return base_lr * step / warmup_steps
    return base_lr * math.sqrt(warmup_steps / step)
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "warmup_inverse_sqrt", "locked": true, "points": 4, "schema_version": 3, "solution": false, "task": false}
check("a2_schedules/warmup_inverse_sqrt", warmup_inverse_sqrt)

# %% [markdown] nbgrader={"grade": false, "grade_id": "noam_text", "locked": true, "schema_version": 3, "solution": false, "task": false}
# ## 3. Noam: the schedule of the first Transformer
#
# *4 points, easy, about 5 minutes.*
#
# Vaswani et al. (2017) train with a formula that takes no peak at all: the width of the model and the length of the warmup decide
# it.
#
# $$\text{d\_model}^{-0.5} \cdot \min(\text{step}^{-0.5}, \; \text{step} \cdot \text{warmup\_steps}^{-1.5})$$
#
# `noam(step, *, d_model, warmup_steps)` returns this number. At step 0, where $0^{-0.5}$ is not defined, it returns 0.0, which is
# where the second piece starts. `warmup_steps` is at least 1.
#
# Before you write it: which of the two pieces is the warmup, and how high is the peak for width 512 and 4000 steps? A popular
# advice says "warm up to $\text{d\_model}^{-0.5}$", which is 0.044.
#
# <details><summary>Hint</summary>
# Set the two pieces equal to find the step at which they cross, and put that step into one of them.
# </details>


# %% nbgrader={"grade": false, "grade_id": "noam_code", "locked": false, "schema_version": 3, "solution": true, "task": false}
def noam(step, *, d_model, warmup_steps):
    """Learning rate of a step by the formula of Vaswani et al. 2017; 0.0 at step 0."""
    ### BEGIN SOLUTION
    if step == 0:
        return 0.0
    return d_model**-0.5 * min(step**-0.5, step * warmup_steps**-1.5)
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "noam", "locked": true, "points": 4, "schema_version": 3, "solution": false, "task": false}
check("a2_schedules/noam", noam)

# %% [markdown]
# Your three schedules (not graded). The paper's setting peaks at 7.0e-4, not at 0.044: the peak has a factor of
# $\text{warmup\_steps}^{-0.5}$ too. At a toy's size the same formula is hot: width 32 and 100 steps of warmup give a peak of
# 0.018.

# %% tags=["demo"]
steps = range(1000)
setting = {"base_lr": 1e-2, "warmup_steps": 100}
curves = {
    "warmup_cosine, min_lr 1e-3": [warmup_cosine(s, total_steps=800, min_lr=1e-3, **setting) for s in steps],
    "warmup_inverse_sqrt": [warmup_inverse_sqrt(s, **setting) for s in steps],
    "noam, width 32": [noam(s, d_model=32, warmup_steps=100) for s in steps],
}
print(f"noam, width 512, 4000 steps of warmup: peak {float(noam(4000, d_model=512, warmup_steps=4000)):.2e}")
series = {name: [(steps, [float(rate) for rate in rates])] for name, rates in curves.items()}
plots.lines(series, "step", "learning rate", title="Three schedules with 100 steps of warmup")

# %% [markdown] nbgrader={"grade": false, "grade_id": "lr_range_test_text", "locked": true, "schema_version": 3, "solution": false, "task": false}
# ## 4. Reading a learning-rate range test
#
# *6 points, hard, about 25 minutes.*
#
# In a range test the learning rate rises from step to step by one constant factor, from far too low to far too high, and you look
# at the loss. At first nothing happens, then the loss falls, then it goes flat, and in the end it runs away or becomes NaN.
# Reading off a rate by eye is unreliable; here is a definition.
#
# `lr_range_test(losses, lrs)` gets the loss and the rate of every step, as two lists of floats of the same length. It returns a
# dictionary with four entries:
#
# | entry | what it is |
# |---|---|
# | `"diverged"` | the rate of the first step in trouble, or `None` if there is no trouble |
# | `"lowest"` | the rate of the step with the smallest smoothed loss |
# | `"steepest"` | the rate of the step at which the smoothed loss falls most steeply |
# | `"suggested"` | a tenth of `"lowest"` |
#
# Exactly:
#
# - **Smoothed.** The smoothed loss of step 0 is its loss. After that it is 0.9 times the smoothed loss of the step before, plus
#   0.1 times the loss of the step.
# - **In trouble** is a step whose loss is NaN or infinite, or whose smoothed loss is **more than 1 nat above the lowest smoothed
#   loss of the steps before it**.
# - **Nothing from the first step in trouble on counts** for the other three entries, even if the loss comes back later and ends
#   lower than before.
# - **Steepness** at step `i` is `smooth[i + 5] - smooth[i - 5]`; the steepest step is the one where this is smallest. Only steps
#   count for which both `i - 5` and `i + 5` lie before the trouble and within the lists. This is steepness per factor of the
#   rate, because the rate rises by the same factor at every step. Do not divide by differences of the rate itself.
# - Every rate that is returned belongs to a step `i` and is `lrs[i]`; only `"suggested"` is a tenth of one.
#
# There are at least 11 steps before any trouble.
#
# <details><summary>Hint 1: how to start</summary>
# Go through the steps once. Smooth, look for trouble, and stop the loop there; what you have collected until then is all that
# counts.
# </details>
# <details><summary>Hint 2: NaN</summary>
# Every comparison with NaN is false, so NaN > limit does not find it. math.isfinite does, and finds inf too.
# </details>
# <details><summary>Hint 3: the step of the smallest value</summary>
# <code>min(range(n), key=lambda i: smooth[i])</code> gives the index, not the value.
# </details>


# %% nbgrader={"grade": false, "grade_id": "lr_range_test_code", "locked": false, "schema_version": 3, "solution": true, "task": false}
def lr_range_test(losses, lrs):
    """What to read off a sweep: {"steepest": ..., "lowest": ..., "diverged": ..., "suggested": ...}, all learning rates."""
    ### BEGIN SOLUTION
    smooth = []
    diverged = None
    for loss, lr in zip(losses, lrs):
        level = 0.9 * smooth[-1] + 0.1 * loss if smooth else loss
        if not math.isfinite(loss) or (smooth and level > min(smooth) + 1):
            diverged = lr
            break
        smooth.append(level)
    lowest = lrs[min(range(len(smooth)), key=lambda i: smooth[i])]
    steepest = lrs[min(range(5, len(smooth) - 5), key=lambda i: smooth[i + 5] - smooth[i - 5])]
    return {"steepest": steepest, "lowest": lowest, "diverged": diverged, "suggested": lowest / 10}
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "lr_range_test", "locked": true, "points": 6, "schema_version": 3, "solution": false, "task": false}
check("a2_schedules/lr_range_test", lr_range_test)

# %% [markdown]
# Your function on a real sweep (not graded): 200 steps of a small pre-LN Transformer under Adam, from 1e-5 to 1.

# %% tags=["demo"]
swept = train(FIXED.replace(steps=SWEEP), schedule=swept_rate)
picks = lr_range_test(swept.column("loss"), swept.column("lr"))
print("   ".join(f"{name} {lr:.2g}" for name, lr in picks.items() if lr is not None))
decades = [math.log10(lr) for lr in swept.column("lr")]
curve = {"one sweep": [(decades, swept.column("loss"))]}
plots.lines(
    curve, "log10 of the learning rate", "loss (nats per byte)", title="A range test of a pre-LN Transformer", logarithmic=True
)

# %% [markdown]
# Which reading is worth something? Train 150 steps at each, and at 1e-2, the best rate of a small grid for most seeds.

# %% tags=["demo"]
for name, lr in {**picks, "grid": 1e-2}.items():
    if lr is not None:
        print(f"{name:10} {lr:.2g}  final loss {diagnose(train(FIXED.replace(lr=lr))).final_loss:.2f}")

# %% [markdown]
# One seed is an anecdote. The recorded experiment (`lr-range-test` in `docs/experiments.md`, 20 seeds) says the same, though:
#
# - The **steepest slope**, which much advice tells you to take, lay at 0.0017 to 0.0027, about 4 to 11 times below the best rate
#   of the grid (4 to 14 times on the seeds of the search).
# - The **lowest loss** lay at 0.06 to 0.17, far too hot: trained with for 150 steps, that rate ended at 3.27 nats (median),
#   against 2.69 at the best of the grid. A sweep is at each rate for one step only; a rate that a model survives for a step need
#   not be one to train with.
# - A **tenth of it** ended at 2.70. That is why it is called `"suggested"` here.
#
# A tenth is no law. How far the lowest loss overshoots depends on the length of the sweep, on the smoothing and on the batch, and
# all of this was found on one small model, without warmup, in runs of 150 steps. Use a range test to find the right order of
# magnitude, and then train a few steps longer at two or three rates around it.

# %% [markdown] nbgrader={"grade": false, "grade_id": "rescue_text", "locked": true, "schema_version": 3, "solution": false, "task": false}
# ## 5. Free a stuck run
#
# *4 points, medium, about 10 minutes.*
#
# `STUCK` is the run of lesson 01: a post-LN Transformer of four layers under Adam at a constant learning rate of 1e-2. It does
# not explode. It falls to the unigram line and stays there. Run the next cell and look.
#
# The course's training loop takes any schedule: `train(config, schedule=my_function)` calls `my_function(step)` at every step,
# with the step as its only argument, and uses the result instead of the config's own rate.
#
# `rescue(config)` returns the run of `config` with **your** `warmup_cosine` as the schedule, where
#
# - the peak is `config.lr`,
# - the warmup takes the first half of the run, `config.steps // 2` steps,
# - the decay ends at `config.steps`, at a tenth of the peak.
#
# Leave the config itself unchanged, its `lr`, `warmup_steps` and `decay` too: only the schedule is new.
#
# <details><summary>Hint</summary>
# train wants a function of the step alone, and yours takes four more arguments. Define a small function inside rescue that fills
# them in, or use <code>functools.partial</code>.
# </details>

# %% tags=["demo"]
plots.panels({"constant 1e-2": [train(STUCK)]}, ("loss", "lr"), title="Post-LN at constant 1e-2 is stuck", smooth=5)


# %% nbgrader={"grade": false, "grade_id": "rescue_code", "locked": false, "schema_version": 3, "solution": true, "task": false}
def rescue(config):
    """Returns the run of config under warmup_cosine: warmup over the first half, decay to a tenth of the peak."""

    ### BEGIN SOLUTION
    def schedule(step):
        return warmup_cosine(
            step, base_lr=config.lr, warmup_steps=config.steps // 2, total_steps=config.steps, min_lr=config.lr / 10
        )

    return train(config, schedule=schedule)
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "rescue", "locked": true, "points": 4, "schema_version": 3, "solution": false, "task": false}
check("a2_schedules/rescue", rescue)

# %% [markdown]
# Your schedule at work (not graded): the same model, the same data and the same peak. Three more seeds show that it is not luck.

# %% tags=["demo"]
freed = [rescue(STUCK.replace(seed=seed)) for seed in range(4)]
plots.panels(
    {"with your warmup_cosine, four seeds": freed}, ("loss", "lr"), title="The same peak after a warmup trains", smooth=5
)

# %% [markdown] nbgrader={"grade": false, "grade_id": "quiz_first_step_text", "locked": true, "schema_version": 3, "solution": false, "task": false}
# ## 6. Quiz: the first step
#
# *1 point.* Adam runs under your `warmup_cosine` with 100 steps of warmup. What happens at step 0?
#
# - **a** Nothing whatever: the step is as good as left out.
# - **b** No weight changes, but Adam's moments take in the first gradient.
# - **c** The rate of 0 makes the update 0 / 0, which is NaN.
# - **d** The weights change as at any other step, because Adam's update does not depend on the gradient's size.

# %% tags=["quiz"] nbgrader={"grade": false, "grade_id": "quiz_first_step_code", "locked": false, "schema_version": 3, "solution": true, "task": false}
answer_first_step = ""  # write a letter between the quotes
### BEGIN SOLUTION
answer_first_step = "b"
### END SOLUTION

# %% nbgrader={"grade": true, "grade_id": "quiz_first_step", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
check("a2_schedules/quiz_first_step", answer_first_step)

# %% [markdown] nbgrader={"grade": false, "grade_id": "quiz_noam_text", "locked": true, "schema_version": 3, "solution": false, "task": false}
# ## 7. Quiz: twice the warmup
#
# *1 point.* You double `warmup_steps` in `noam`, and change nothing else. What becomes of the peak, and of the rates long after
# both warmups?
#
# - **a** The peak is as high as before and comes later; the late rates are the same.
# - **b** The peak is half as high; the late rates are the same.
# - **c** The peak is lower by a factor of $\sqrt 2$; the late rates are the same.
# - **d** The peak is as high as before; the late rates are higher by a factor of $\sqrt 2$.

# %% tags=["quiz"] nbgrader={"grade": false, "grade_id": "quiz_noam_code", "locked": false, "schema_version": 3, "solution": true, "task": false}
answer_noam = ""  # write a letter between the quotes
### BEGIN SOLUTION
answer_noam = "c"
### END SOLUTION

# %% nbgrader={"grade": true, "grade_id": "quiz_noam", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
check("a2_schedules/quiz_noam", answer_noam)

# %% [markdown] nbgrader={"grade": false, "grade_id": "quiz_length_text", "locked": true, "schema_version": 3, "solution": false, "task": false}
# ## 8. Quiz: how long a warmup
#
# *1 point.* In lesson 01 the stuck run was freed by 150 steps of warmup to 1e-2 in every seed, and by 25 steps in hardly any.
# Which explanation fits what was measured there?
#
# - **a** After 25 steps the full rate arrives while the model is still losing sight of its input.
# - **b** 25 batches are too few to estimate Adam's second moment.
# - **c** No warmup below a few thousand steps is of use.
# - **d** What counts is the decay, and after a long warmup there is more of it.

# %% tags=["quiz"] nbgrader={"grade": false, "grade_id": "quiz_length_code", "locked": false, "schema_version": 3, "solution": true, "task": false}
answer_length = ""  # write a letter between the quotes
### BEGIN SOLUTION
answer_length = "a"
### END SOLUTION

# %% nbgrader={"grade": true, "grade_id": "quiz_length", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
check("a2_schedules/quiz_length", answer_length)

# %% [markdown] nbgrader={"grade": false, "grade_id": "quiz_range_test_text", "locked": true, "schema_version": 3, "solution": false, "task": false}
# ## 9. Quiz: what to try first
#
# *1 point.* A sweep of the small model of question 4 falls most steeply at 2e-3, is lowest at 0.1, and diverges at 0.7. Which
# constant rate do you try first in a run of 150 steps?
#
# - **a** 2e-3
# - **b** 1e-2
# - **c** 0.1
# - **d** 0.35

# %% tags=["quiz"] nbgrader={"grade": false, "grade_id": "quiz_range_test_code", "locked": false, "schema_version": 3, "solution": true, "task": false}
answer_range_test = ""  # write a letter between the quotes
### BEGIN SOLUTION
answer_range_test = "b"
### END SOLUTION

# %% nbgrader={"grade": true, "grade_id": "quiz_range_test", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
check("a2_schedules/quiz_range_test", answer_range_test)

# %% [markdown] nbgrader={"grade": false, "grade_id": "own_words_text", "locked": true, "schema_version": 3, "solution": false, "task": false}
# ## 10. In your own words
#
# *3 points, graded by hand.* A colleague sets up a run of 2000 steps: "`warmup_inverse_sqrt` with 4000 steps of warmup, as in the
# paper, and `base_lr` from a range test of 100 steps: the rate where its loss was lowest." In four to eight sentences: which
# rates will the run see, what do you think of the choice of `base_lr`, and what would you set instead?
#
# One point each for: the rates from the first step to the last, and which part of the schedule never happens; what the lowest
# loss of a short sweep does and does not tell about a good rate; a proposal with numbers for both settings, and how you would
# test it before the run.

# %% [markdown] nbgrader={"grade": true, "grade_id": "own_words", "locked": false, "points": 3, "schema_version": 3, "solution": true, "task": false}
# ### BEGIN SOLUTION
# The rate rises in a straight line from 0 and stands just below half of base_lr when the run ends at step 1999; the peak is not
# reached, and the inverse square root never begins. A warmup of 4000 steps belongs to a much longer run. The rate of the lowest
# loss is too hot as a constant rate: a sweep sees each rate for one step only, and what survives one step need not survive
# hundreds. In the course's experiment, training at that rate ended far above the best fixed rate, and a tenth of it came close to
# the best. So the two mistakes partly cancel here, which makes the run no better understood: the second half of it still trains
# at more than a quarter of a rate that is too hot. I would take a tenth of the lowest as base_lr and warm up over the first 100
# to 200 steps, so that the decay has most of the run. To test it I would train a few hundred steps at that rate, at a third of it
# and at three times it, on more than one seed, with the same warmup, and look at the loss after it; if the hot one stalls or
# spikes, I would lengthen the warmup before lowering the rate.
# ### END SOLUTION
