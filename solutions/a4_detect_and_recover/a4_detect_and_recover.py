# %% [markdown] nbgrader={"grade": false, "grade_id": "intro", "locked": true, "schema_version": 3, "solution": false, "task": false}
# # Assignment 4: detect and recover
#
# Runs fail at night. What saves them is a monitor that notices in time, a checkpoint that restores everything, and a rule for
# going on. You will write all three, judge the monitor on recorded runs, and then let it cure a live one.
#
# | question | points | difficulty | minutes |
# |---|---|---|---|
# | 1 `StabilityMonitor` | 9 | hard | 40 |
# | 2 `Checkpoint` | 6 | medium | 25 |
# | 3 `train_with_rollback` | 8 | medium | 25 |
# | 4-7 quiz | 4 | easy | 10 |
# | 8 in your own words (graded by hand) | 3 | medium | 15 |
#
# **How it works.** Replace each `raise NotImplementedError()` by your code and run the check below it. A check tells you which
# misconception it found, if it knows one. When your work is graded the same things are checked on other stretches of the runs, at
# other steps and with other numbers.

# %% nbgrader={"grade": false, "grade_id": "setup", "locked": true, "schema_version": 3, "solution": false, "task": false}
import copy
import math
from collections import deque
from statistics import fmean, median

import torch

from stabilitylab import Trainer, check, plots, train
from stabilitylab.exercises.a4_detect_and_recover import CLEAN, POISONED, Job
from stabilitylab.exercises.recorded_runs import load

# %% [markdown] nbgrader={"grade": false, "grade_id": "monitor_text", "locked": true, "schema_version": 3, "solution": false, "task": false}
# ## 1. A monitor
#
# *9 points, hard, about 40 minutes.*
#
# A monitor sees one record per step and says which alarms sound. Which rules it uses is up to you: it is judged on what it
# notices, how soon, and how often it cries wolf.
#
# - `StabilityMonitor()` can be made without arguments; those it has need defaults.
# - `observe(record)` is called once per step, in order, and returns a list of alarm names: an empty one if all is well. It must
#   not raise.
# - A record has `step`, `loss`, `grad_norm` (the global norm **before** clipping), `clipped_norm` (the one after it), `clipped`
#   (whether clipping fired) and `update_ratio` (length of the update over length of the weights). It cannot be changed. Steps may
#   begin at any number.
#
# | alarm | must sound | false alarms allowed |
# |---|---|---|
# | `"nonfinite"` | at every step whose `loss` or `grad_norm` is inf or NaN | none |
# | `"spike"` | within 3 steps after the first bad batch | 4 in 85 to 105 calm steps |
# | `"firing_rate"` | within 30 steps after clipping begins to fire at every step | 4 in about 75 steps on which it fires now and then |
# | `"update_ratio"` | within 3 steps after the ratio first exceeds 0.06 | 4 in a calm run of 100 to 160 steps |
#
# The runs are on record, made by the course's own training loop: calm ones under SGD and Adam, bad batches, a batch whose loss
# was summed and not averaged, an explosion, an overflow, a limit that clips every step, and rates that are too hot. Calm means
# that nothing was done to the run: a batch of its own may still stand out now and then, and the false alarms you may have are for
# these. What the runs look like:
#
# - In the first bad batch the gradient norm is 8 times the median of the 20 steps before it or more; in calm steps it is seldom
#   more than 3 times. The streams have at least 50 calm steps before the first incident.
# - Gradient norms have no natural scale. Some streams have all norms multiplied by one number between 0.01 and 100.
# - The summed batch makes a gradient hundreds of times too large with a loss as usual, and clipping keeps it from doing harm. It
#   counts as a spike.
# - A second spike may come 8 to 12 steps after the first, or 6 to 10 steps after a few inf and NaN. It must be noticed too.
# - In the 25 steps after an incident begins, more spike alarms are fine. After them they count as false. At a step with inf or
#   NaN a spike alarm is neither asked for nor counted.
# - In calm runs, once the warmup is over, clipping fires on at most 7 of 20 steps in a row. Their update ratio stays below 0.025,
#   warmup included. The hot runs begin at step 0; in two of the four the ratio is above 0.06 at the very first step and falls
#   from there.
# - Several monitors may watch several runs at once.
#
# These incidents are loud. On quiet ones a norm rule fails: in the experiment `firing-rate` seven rules were tried, and none
# stayed under 1 false alarm in 100 healthy steps and caught every kind of bad batch. Shuffled labels hardly raise the norm at
# all.
#
# <details><summary>Hint 1: a baseline for spikes</summary>
# Keep the last 20 or so norms in a <code>deque(maxlen=20)</code>. Compare the new norm with a multiple of their median, and add
# it to the window only afterwards.
# </details>
# <details><summary>Hint 2: why not the mean?</summary>
# One norm of 500 among twenty norms of 0.5 moves the mean to 25 and leaves the median where it was.
# </details>
# <details><summary>Hint 3: what must not get into the window?</summary>
# A NaN. <code>math.isfinite</code> tells it, and inf as well.
# </details>
# <details><summary>Hint 4: the update ratio</summary>
# It has a scale: it is a share of the weights. A fixed limit between the calm runs and the hot ones will do here. (It would not
# for all models: with large embeddings the same optimizer settles at a quarter of the ratio.)
# </details>

# %% tags=["demo"]
groups = {"calm": "calm-adam-7", "bad batches": "bad-adam-13", "too hot": "hot-sgd-19"}
plots.panels(
    {label: [load(name)] for label, name in groups.items()},
    ("loss", "grad_norm", "update_ratio"),
    title="Three of the runs on record",
)


# %% nbgrader={"grade": false, "grade_id": "monitor_code", "locked": false, "schema_version": 3, "solution": true, "task": false}
class StabilityMonitor:
    """Watches a run, one record at a time, and names the alarms that sound."""

    def __init__(self, window=20):
        ### BEGIN SOLUTION
        self.window = window
        self.norms = deque(maxlen=window)
        self.fired = deque(maxlen=window)
        ### END SOLUTION

    def observe(self, record):
        """Returns the alarms of this step, a list of names out of nonfinite, spike, firing_rate and update_ratio."""
        ### BEGIN SOLUTION
        alarms = []
        if not (math.isfinite(record.loss) and math.isfinite(record.grad_norm)):
            alarms.append("nonfinite")
        elif len(self.norms) >= 10 and record.grad_norm > 4 * median(self.norms):
            alarms.append("spike")
        if math.isfinite(record.grad_norm):
            self.norms.append(record.grad_norm)
        self.fired.append(record.clipped)
        if len(self.fired) == self.window and fmean(self.fired) > 0.6:
            alarms.append("firing_rate")
        if record.update_ratio > 0.05:
            alarms.append("update_ratio")
        return alarms
        ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "monitor", "locked": true, "points": 9, "schema_version": 3, "solution": false, "task": false}
check("a4_detect_and_recover/monitor", StabilityMonitor)

# %% [markdown]
# Your monitor on a live run (not graded): SGD without clipping, and one byte repeated as the whole batch at steps 60 to 63. Which
# alarm is first, and what does the loss do on the clean batches from step 64 on?

# %% tags=["demo"]
monitor, records, trainer = StabilityMonitor(), [], Trainer(POISONED)
for record in trainer.steps():
    records.append(record)
    alarms = monitor.observe(record)
    if alarms:
        print(f"step {record.step:3}  loss {record.loss:5.2f}  norm {record.grad_norm:6.2f}  {', '.join(alarms)}")
plots.panels({"bad batches at 60-63": [trainer.result(records)]}, ("loss", "grad_norm", "update_ratio"), title="A live run")

# %% [markdown] nbgrader={"grade": false, "grade_id": "checkpoint_text", "locked": true, "schema_version": 3, "solution": false, "task": false}
# ## 2. A checkpoint that resumes bit for bit
#
# *6 points, medium, about 25 minutes.*
#
# "The loss curve looks about right after the restart" is not a test. The test is that a resumed run gives the very same numbers
# as one that was never interrupted. The course's `Trainer` makes this easy, since its batches depend on the step alone. `Job` is
# the usual case, with everything that one can forget:
#
# - `job.model`: a `torch.nn.Sequential` with a `Dropout`, which draws from torch's **global** random state
# - `job.optimizer`: a `torch.optim.Adam`
# - `job.data`: hands out examples in a random order. `job.data.order` is the order of this pass (an int64 tensor),
#   `job.data.position` how many of it were handed out, `job.data.generator` the `torch.Generator` that the next orders come from
# - `job.step`: the number of steps taken; the learning rate, a warmup, depends on it
# - `job.train(steps)` takes steps and returns their losses
#
# `Checkpoint(job)` saves a job, `checkpoint.restore(job)` puts everything back, into the same job or into another.
#
# - After `restore`, `job.train(n)` returns the losses that the saved job would have had.
# - Saving changes nothing: the job goes on as if no checkpoint had been taken.
# - A checkpoint stays as it is while the job trains on, and can be restored more than once, into a job that has trained as well
#   as into a new one. It may be taken before the first step, and a job may have several.
# - `checkpoint.state` is a dictionary that `torch.save` can write and `torch.load`, with its default settings, can read: tensors,
#   numbers, strings, lists, tuples and dictionaries. `restore` uses `self.state` and nothing else, so that a state read from a
#   file can take its place.
#
# <details><summary>Hint 1: torch's random states</summary>
# <code>torch.get_rng_state()</code> and <code>torch.set_rng_state(state)</code> for the global
# one, <code>generator.get_state()</code> and <code>generator.set_state(state)</code> for a generator.
# </details>
# <details><summary>Hint 2: whose tensors are these?</summary>
# <code>state_dict()</code> returns the live tensors, not copies. <code>copy.deepcopy</code> copies a nested dictionary with all
# its tensors.
# </details>
# <details><summary>Hint 3: the same again on the way back</summary>
# <code>model.load_state_dict</code> copies numbers into the model. <code>optimizer.load_state_dict</code> may keep the tensors
# you hand it and train on in them.
# </details>


# %% nbgrader={"grade": false, "grade_id": "checkpoint_code", "locked": false, "schema_version": 3, "solution": true, "task": false}
class Checkpoint:
    """Everything that decides how a job goes on."""

    def __init__(self, job):
        ### BEGIN SOLUTION
        self.state = copy.deepcopy(
            {
                "model": job.model.state_dict(),
                "optimizer": job.optimizer.state_dict(),
                "dropout": torch.get_rng_state(),
                "order": job.data.order,
                "position": job.data.position,
                "shuffling": job.data.generator.get_state(),
                "step": job.step,
            }
        )
        ### END SOLUTION

    def restore(self, job):
        """Puts the job back to where it was saved; the checkpoint stays usable."""
        ### BEGIN SOLUTION
        state = copy.deepcopy(self.state)
        job.model.load_state_dict(state["model"])
        job.optimizer.load_state_dict(state["optimizer"])
        torch.set_rng_state(state["dropout"])
        job.data.order, job.data.position = state["order"], state["position"]
        job.data.generator.set_state(state["shuffling"])
        job.step = state["step"]
        ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "checkpoint", "locked": true, "points": 6, "schema_version": 3, "solution": false, "task": false}
check("a4_detect_and_recover/checkpoint", Checkpoint)

# %% [markdown]
# The acid test (not graded): a job goes on, another one is resumed from the checkpoint, and every loss is the same number.

# %% tags=["demo"]
first = Job(seed=1)
first.train(9)
checkpoint = Checkpoint(first)
uninterrupted = first.train(8)
second = Job(seed=2)
checkpoint.restore(second)
resumed = second.train(8)
for a, b in zip(uninterrupted, resumed):
    print(f"{a:.6f}  {b:.6f}  {'the same' if a == b else 'another'}")

# %% [markdown] nbgrader={"grade": false, "grade_id": "rollback_text", "locked": true, "schema_version": 3, "solution": false, "task": false}
# ## 3. Roll back and go on
#
# *8 points, medium, about 25 minutes.*
#
# The largest PaLM model (Chowdhery et al. 2022) spiked about 20 times, although its gradients were clipped. The cure was crude,
# and worked: go back to a checkpoint from about 100 steps before the spike, and skip some 200 to 500 batches. The weights go
# back, **the data go on**. You write that for the course's `Trainer`.
#
# `train_with_rollback(trainer, is_bad, every, lr_factor)` trains to the last step and returns the list of **all** records, bad
# ones included, in the order in which they came.
#
# - Call `is_bad(record)` exactly once for each record, in order: it may be a monitor that remembers.
# - There is a checkpoint from before the first step. After a good step a new one takes its place if `(step + 1) % every == 0`.
# - At a bad step restore the last checkpoint, multiply the learning rate of all later steps by `lr_factor`, and go on with the
#   **next** step, whose batch is the next one. No step is taken twice. Nothing is saved after a bad step.
# - Several bad steps are treated alike, in a row or not: each restores the last checkpoint, and each multiplies the rate once
#   more.
# - If the last step is bad, the weights end as the checkpoint has them.
#
# From the trainer you need: `trainer.state()` (a copy of weights and optimizer state), `trainer.restore(state)`,
# `trainer.schedule` (a function from a step to its learning rate, which you may replace), `trainer.config.steps`, and
# `trainer.steps(first=0)`, which trains and yields a record per step. While it waits between two steps you may restore a state;
# the next step goes on from there. The config's `on_nonfinite` is `"continue"`. Compared are `step`, `lr` and `loss` of every
# record, and the weights at the end.
#
# <details><summary>Hint 1: where the rate comes from</summary>
# The loop sets the rate from <code>trainer.schedule</code> at every step. What you write into <code>optimizer.param_groups</code>
# is overwritten.
# </details>
# <details><summary>Hint 2: a schedule around a schedule</summary>
# Keep the old function under another name first. A new one that calls <code>trainer.schedule</code> calls itself.
# </details>


# %% nbgrader={"grade": false, "grade_id": "rollback_code", "locked": false, "schema_version": 3, "solution": true, "task": false}
def train_with_rollback(trainer, is_bad, every, lr_factor):
    """Trains; at a bad step goes back to the last checkpoint, lowers the rate, and goes on with the next batch."""
    ### BEGIN SOLUTION
    scheduled = trainer.schedule
    rollbacks = 0
    trainer.schedule = lambda step: scheduled(step) * lr_factor**rollbacks
    checkpoint, records = trainer.state(), []
    for record in trainer.steps():
        records.append(record)
        if is_bad(record):
            trainer.restore(checkpoint)
            rollbacks += 1
        elif (record.step + 1) % every == 0:
            checkpoint = trainer.state()
    return records
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "rollback", "locked": true, "points": 8, "schema_version": 3, "solution": false, "task": false}
check("a4_detect_and_recover/rollback", train_with_rollback)

# %% [markdown]
# All three together (not graded): your monitor decides, your rollback acts, on the run of question 1. Compare the ends with the
# twin that never saw a bad batch. There are four bad batches, so a factor of 0.3 is applied four times.


# %% tags=["demo"]
def cure(lr_factor):
    monitor, trainer = StabilityMonitor(), Trainer(POISONED)
    return trainer.result(train_with_rollback(trainer, lambda record: "spike" in monitor.observe(record), 20, lr_factor))


runs = {"twin": train(CLEAN), "untreated": train(POISONED), "same rate": cure(1.0), "0.3 times the rate": cure(0.3)}
twin = fmean(runs["twin"].column("loss")[-14:])
for label, run in runs.items():
    print(f"{label:20} ends {fmean(run.column('loss')[-14:]) - twin:+.3f} nats from the twin")
plots.panels(
    {label: [run] for label, run in runs.items()}, ("loss", "grad_norm", "lr"), title="Roll back, skip the bad batches", smooth=4
)

# %% [markdown]
# On eight seeds the untreated run ended 0.11 to 0.51 nat above its twin, the rollback at the same rate 0.00 to 0.06, the one with
# 0.3 times the rate 0.18 to 0.43. The course's experiment `rollback` says the same on twenty fresh seeds, with a factor of 0.15
# applied once: where batches did the harm, other batches undo it, and a lower rate only slows this short run. Where the rate did
# it, it is the other way round. What the rollback needs depends on the cause.

# %% [markdown] nbgrader={"grade": false, "grade_id": "quiz_first_alarm_text", "locked": true, "schema_version": 3, "solution": false, "task": false}
# ## 4. Quiz: who speaks first?
#
# *1 point.* A run in fp16 overflows because its loss scale keeps growing (experiment `alarms`). Which number is the first that is
# not finite?
#
# - **a** The loss, one step before the gradient norm.
# - **b** The gradient norm, one step before the loss.
# - **c** The update ratio, one step before the gradient norm.
# - **d** All of them, at the same step.

# %% tags=["quiz"] nbgrader={"grade": false, "grade_id": "quiz_first_alarm_code", "locked": false, "schema_version": 3, "solution": true, "task": false}
answer_first_alarm = ""  # write a letter between the quotes
### BEGIN SOLUTION
answer_first_alarm = "b"
### END SOLUTION

# %% nbgrader={"grade": true, "grade_id": "quiz_first_alarm", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
check("a4_detect_and_recover/quiz_first_alarm", answer_first_alarm)

# %% [markdown] nbgrader={"grade": false, "grade_id": "quiz_rule_text", "locked": true, "schema_version": 3, "solution": false, "task": false}
# ## 5. Quiz: the rule that does it all
#
# *1 point.* You want at most 1 false alarm in 100 healthy steps under SGD and under Adam, and every one of five kinds of bad
# batch caught by its gradient norm. Which of the seven rules of the experiment `firing-rate` did that?
#
# - **a** A fixed limit of 5.
# - **b** Four times the median of the last 50 steps.
# - **c** None: those that were quiet enough missed a kind.
# - **d** None: each of the seven was too loud in healthy runs.

# %% tags=["quiz"] nbgrader={"grade": false, "grade_id": "quiz_rule_code", "locked": false, "schema_version": 3, "solution": true, "task": false}
answer_rule = ""  # write a letter between the quotes
### BEGIN SOLUTION
answer_rule = "c"
### END SOLUTION

# %% nbgrader={"grade": true, "grade_id": "quiz_rule", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
check("a4_detect_and_recover/quiz_rule", answer_rule)

# %% [markdown] nbgrader={"grade": false, "grade_id": "quiz_resume_text", "locked": true, "schema_version": 3, "solution": false, "task": false}
# ## 6. Quiz: a restart that looks too good
#
# *1 point.* A run is resumed in the middle of a pass through its data. For the rest of the pass its training loss is a little
# **lower** than before the crash; its validation loss is not. What has the checkpoint most likely lost?
#
# - **a** The optimizer's moments.
# - **b** The random state of dropout.
# - **c** The step count, so that the warmup was repeated.
# - **d** The position in the data: batches it had seen came again.

# %% tags=["quiz"] nbgrader={"grade": false, "grade_id": "quiz_resume_code", "locked": false, "schema_version": 3, "solution": true, "task": false}
answer_resume = ""  # write a letter between the quotes
### BEGIN SOLUTION
answer_resume = "d"
### END SOLUTION

# %% nbgrader={"grade": true, "grade_id": "quiz_resume", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
check("a4_detect_and_recover/quiz_resume", answer_resume)

# %% [markdown] nbgrader={"grade": false, "grade_id": "quiz_cause_text", "locked": true, "schema_version": 3, "solution": false, "task": false}
# ## 7. Quiz: back to the checkpoint, and then?
#
# *1 point.* Four bad batches have damaged a run. You go back to a good checkpoint. What did the experiment `rollback` find?
#
# - **a** Other batches at the same rate end near the untouched twin.
# - **b** A lower rate on the same batches ends near the untouched twin.
# - **c** Going back is enough: the second time the same batches do no harm.
# - **d** Other batches are the cure for any divergence, whatever its cause.

# %% tags=["quiz"] nbgrader={"grade": false, "grade_id": "quiz_cause_code", "locked": false, "schema_version": 3, "solution": true, "task": false}
answer_cause = ""  # write a letter between the quotes
### BEGIN SOLUTION
answer_cause = "a"
### END SOLUTION

# %% nbgrader={"grade": true, "grade_id": "quiz_cause", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
check("a4_detect_and_recover/quiz_cause", answer_cause)

# %% [markdown] nbgrader={"grade": false, "grade_id": "own_words_text", "locked": true, "schema_version": 3, "solution": false, "task": false}
# ## 8. In your own words: a post-mortem
#
# *3 points, graded by hand.* Write the post-mortem of the live run of questions 1 and 3, in six to ten sentences, for a colleague
# who was not there. The first draft reads: "Loss spike at step 64, fixed by lowering the learning rate." Do better, with the
# numbers that your cells printed.
#
# One point each for: the timeline, with the first signal, the later ones, and those that never came; the cause, and how you know
# that it was not the learning rate; the cure with its price, the one you would not use, and one change that would make the next
# such incident cheaper.

# %% [markdown] nbgrader={"grade": true, "grade_id": "own_words", "locked": false, "points": 3, "schema_version": 3, "solution": true, "task": false}
# ### BEGIN SOLUTION
# The first signal was the spike alarm at step 60, the first bad batch: the norm was 4.92, eleven times the usual 0.45, and the
# loss 8.55. One step later the update ratio passed 0.05. The loss itself misleads: while the bad batches lasted it fell to 1.73,
# since one byte is easily learned, and rose to 6.00 on the first clean batch, step 64, which is where the draft begins. Nothing
# was ever inf or NaN, and clipping, which was off, had no rate to report. The cause was four batches of one repeated byte: the
# twin with the same rate, seed and clean batches never spikes, and after going back the same rate does no harm without them. Had
# the rate been the cause, other batches would have spiked again. The cure was to go back to the checkpoint of step 60 and to skip
# the batches at an unchanged rate: it ends 0.01 nat from the twin, at the price of four skipped steps here, and of up to `every`
# steps of progress in general. I would not lower the rate: with 0.3 per rollback the run ends 0.29 nat above the twin, more than
# the 0.24 of doing nothing. To make the next one cheaper I would clip at 1.0, which limits what a bad batch can do before anyone
# looks, and refuse rows with hardly any distinct bytes when the data are made.
# ### END SOLUTION
