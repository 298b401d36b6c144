# %% [markdown] nbgrader={"grade": false, "grade_id": "intro", "locked": true, "schema_version": 3, "solution": false, "task": false}
# # Assignment 3: loss scaling, from scratch
#
# fp16 halves the memory of a number and pays with its range: the largest is 65504, and the smallest above zero about 6e-8.
# Gradients live near the lower end. Loss scaling moves them up: multiply the loss by a large number, let the backward pass run,
# and divide the gradients by the same number in fp32. The scale must be large enough to save the small gradients and small enough
# to keep the large ones below 65504. You will write a scaler that finds such a scale by itself, put it in its place in the
# training step, and save a run with it.
#
# | question | points | difficulty | minutes |
# |---|---|---|---|
# | 1 `DynamicLossScaler`: `scale` and `unscale_` | 10 | medium | 20 |
# | 2 `DynamicLossScaler`: `update` | 7 | easy | 15 |
# | 3 `train_step` | 8 | medium | 20 |
# | 4 `rescue` | 4 | easy | 10 |
# | 5-9 quiz | 5 | easy | 15 |
# | 10 in your own words (graded by hand) | 3 | medium | 10 |
#
# **How it works.** Replace each `raise NotImplementedError()` by your code and run the check below it. A check tells you which
# misconception it found, if it knows one. When your work is graded the same things are checked on other numbers. Write the scaler
# yourself: PyTorch's own (`torch.amp.GradScaler`, under any of its names) and the course's wrapper around it
# (`stabilitylab.DynamicLossScaler`) are ruled out, and using one earns nothing on that question. Everything else in
# `torch` is allowed.

# %% nbgrader={"grade": false, "grade_id": "setup", "locked": true, "schema_version": 3, "solution": false, "task": false}
import torch

from stabilitylab import StaticLossScaler, check, plots, train
from stabilitylab.exercises.a3_loss_scaling import COUNT, UNDERFLOWING
from stabilitylab.experiments.architecture.no_norms import CONSTANT as DEEP
from stabilitylab.experiments.precision.fp16_underflow import MicroBatch

# %% [markdown] nbgrader={"grade": false, "grade_id": "scaler_text", "locked": true, "schema_version": 3, "solution": false, "task": false}
# ## 1 and 2. The scaler
#
# *Question 1: 10 points, medium, about 20 minutes. Question 2: 7 points, easy, about 15 minutes.*
#
# `DynamicLossScaler(init_scale=65536.0, growth_factor=2.0, backoff_factor=0.5, growth_interval=2000)` is one class with three
# methods and an attribute that the training loop reads: `loss_scale`, the current scale, a float. It is `init_scale` at the
# start. The arguments may be given by name or in this order. Several scalers may be in use at once: each has its own scale and
# its own count. None of the methods changes anything but what is said here: not the weights, not the list of parameters, no
# random state and no setting of torch.
#
# **Question 1** looks at two methods.
#
# `scale(loss)` returns the loss times the current scale. The result keeps the graph, so that `.backward()` can be called on it.
# The loss that was given stays as it is.
#
# `unscale_(parameters)`
#
# - `parameters`: an iterable of parameters, which may be a generator such as `model.parameters()`. A parameter whose `.grad` is
#   `None` is skipped.
# - divides every gradient by the current scale, **in place**. It does so even if it finds an inf: what is logged for a skipped
#   step should be unscaled too.
# - works on fp32 and on fp16 gradients, and a gradient keeps its dtype. The scale may be larger than 65504.
# - returns `True` if any element of any gradient is inf, -inf or NaN, and `False` if all are finite. This verdict is called
#   `found_inf`. There must be no false alarms: gradients of large finite numbers give `False`, even if their sum or their norm
#   overflows. Every call judges what it is given, whatever was found before.
# - leaves `loss_scale` as it is. Only `update` changes it.
#
# **Question 2** looks at the third method, `update(found_inf)`, which is called once at the end of every step.
#
# - If `found_inf` is True, `loss_scale` is multiplied by `backoff_factor`, and the count of good steps goes back to 0.
# - If it is False, the step was good and is counted. The update that completes `growth_interval` good steps **in a row**
#   multiplies `loss_scale` by `growth_factor`, and the count starts again at 0.
# - What counts is the argument, not what `unscale_` saw. There is no lower or upper limit to the scale.
# - From then on `scale` and `unscale_` use the new scale.
#
# <details><summary>Hint 1: one walk through the parameters</summary>
# A generator is empty the second time. Look and divide in the same loop, or make a list first.
# </details>
# <details><summary>Hint 2: inf and NaN</summary>
# <code>g.isfinite()</code> is False for inf, -inf and NaN, element by element. You want to know whether it holds for <b>all</b>
# elements of <b>all</b> gradients.
# </details>
# <details><summary>Hint 3: dividing fp16 by a large scale</summary>
# PyTorch divides an fp16 tensor by a plain Python number correctly, even if the number is above 65504. It cannot do so if you
# first turn the number into an fp16 tensor: that holds inf.
# </details>


# %% nbgrader={"grade": false, "grade_id": "scaler_code", "locked": false, "schema_version": 3, "solution": true, "task": false}
class DynamicLossScaler:
    """A loss scale that falls when gradients overflow and grows after enough good steps."""

    def __init__(self, init_scale=65536.0, growth_factor=2.0, backoff_factor=0.5, growth_interval=2000):
        ### BEGIN SOLUTION
        self.loss_scale = float(init_scale)
        self.growth_factor, self.backoff_factor, self.growth_interval = growth_factor, backoff_factor, growth_interval
        self.good_steps = 0
        ### END SOLUTION

    def scale(self, loss):
        """The loss times the current scale."""
        ### BEGIN SOLUTION
        return loss * self.loss_scale
        ### END SOLUTION

    def unscale_(self, parameters):
        """Divides all gradients by the current scale in place; True if any element is inf or NaN."""
        ### BEGIN SOLUTION
        grads = [p.grad for p in parameters if p.grad is not None]
        for g in grads:
            g.div_(self.loss_scale)
        return not all(bool(g.isfinite().all()) for g in grads)
        ### END SOLUTION

    def update(self, found_inf):
        """Backs off at an inf; grows after growth_interval good steps in a row."""
        ### BEGIN SOLUTION
        self.good_steps = 0 if found_inf else self.good_steps + 1
        if found_inf:
            self.loss_scale *= self.backoff_factor
        elif self.good_steps == self.growth_interval:
            self.loss_scale *= self.growth_factor
            self.good_steps = 0
        ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "scaler_unscale", "locked": true, "points": 10, "schema_version": 3, "solution": false, "task": false}
check("a3_loss_scaling/scaler_unscale", DynamicLossScaler)

# %% nbgrader={"grade": true, "grade_id": "scaler_update", "locked": true, "points": 7, "schema_version": 3, "solution": false, "task": false}
check("a3_loss_scaling/scaler_update", DynamicLossScaler)

# %% [markdown]
# See it seek its level (this cell is not graded). The fp16 gradient below is 0.5 times the scale, which overflows from a scale of
# 2^17 = 131,072 on. The scaler starts at 2^20. It falls until the gradient fits, and after four good steps in a row it tries the
# next power of two.

# %% tags=["demo"]
p = torch.nn.Parameter(torch.zeros(1, dtype=torch.float16))
scaler = DynamicLossScaler(init_scale=2.0**20, growth_interval=4)
for step in range(16):
    p.grad = torch.tensor([0.5 * scaler.loss_scale]).half()
    arrived, used = p.grad.item(), scaler.loss_scale
    found_inf = scaler.unscale_([p])
    scaler.update(found_inf)
    print(
        f"step {step:2}  scale {used:9.0f}  fp16 gradient {arrived:8.0f}  unscaled {p.grad.item():4}  "
        f"{'skip' if found_inf else ''}"
    )

# %% [markdown] nbgrader={"grade": false, "grade_id": "train_step_text", "locked": true, "schema_version": 3, "solution": false, "task": false}
# ## 3. The step around it
#
# *8 points, medium, about 20 minutes.*
#
# Each of these parts is simple. Most mistakes are made in their order.
#
# `train_step(loss, parameters, optimizer, scaler, max_norm)` does one training step, in this order:
#
# 1. clear the gradients that are left from before (`optimizer.zero_grad()`). The forward pass is over: `loss` is what it
#    returned.
# 2. scale the loss, and call `backward` on the scaled loss
# 3. unscale the gradients, which gives the verdict `found_inf`
# 4. clip the unscaled gradients by global norm at `max_norm`; `torch.nn.utils.clip_grad_norm_` is allowed, and so is your own
#    from assignment 1
# 5. let the optimizer step, but not if `found_inf` is True: then `optimizer.step` is not called at all, and no weight moves
# 6. update the scaler with the verdict, whether or not the step was skipped
#
# Each of `scaler.scale`, `scaler.unscale_` and `scaler.update` is called exactly once in a step, also in a skipped one. The
# function returns `True` if the optimizer stepped and `False` if the step was skipped.
#
# - Go by the scaler's verdict alone, not by the loss, which is often finite when gradients overflow, and not by a look of your
#   own at the gradients: the scaler's word counts.
# - `parameters` may be a generator. A list stays as it is.
# - The gradients need not be cleared at the end.
# - The scaler may be any object with the three methods and `loss_scale`; the check brings its own.
#
# <details><summary>Hint 1: why not set the gradients to zero instead of skipping?</summary>
# An optimizer with momentum or weight decay moves the weights even when the gradient is zero.
# </details>
# <details><summary>Hint 2: the parameters</summary>
# You need them twice: to unscale and to clip.
# </details>


# %% nbgrader={"grade": false, "grade_id": "train_step_code", "locked": false, "schema_version": 3, "solution": true, "task": false}
def train_step(loss, parameters, optimizer, scaler, max_norm):
    """One step under a loss scaler; returns whether the optimizer stepped."""
    ### BEGIN SOLUTION
    parameters = list(parameters)
    optimizer.zero_grad()
    scaler.scale(loss).backward()
    found_inf = scaler.unscale_(parameters)
    torch.nn.utils.clip_grad_norm_(parameters, max_norm)
    if not found_inf:
        optimizer.step()
    scaler.update(found_inf)
    return not found_inf
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "train_step", "locked": true, "points": 8, "schema_version": 3, "solution": false, "task": false}
check("a3_loss_scaling/train_step", train_step)

# %% [markdown]
# Your step and your scaler together (not graded). `w.half().float()` rounds the weight on its way forward and its gradient on the
# way back to fp16. The scale starts too high: in the skipped steps neither the weights nor the loss move. Afterwards every step
# has the same length, because the gradient is longer than `max_norm` and is clipped.

# %% tags=["demo"]
w = torch.nn.Parameter(torch.zeros(4))
target = torch.tensor([4.0, -3.0, 2.0, 1.0])
optimizer = torch.optim.SGD([w], lr=0.5)
scaler = DynamicLossScaler(init_scale=2.0**17)
for step in range(10):
    loss = (w.half().float() - target).square().sum()
    used = scaler.loss_scale
    stepped = train_step(loss, [w], optimizer, scaler, max_norm=1.0)
    print(f"step {step}  loss {loss.item():6.3f}  scale {used:7.0f}  {'' if stepped else 'skipped'}")

# %% [markdown] nbgrader={"grade": false, "grade_id": "rescue_text", "locked": true, "schema_version": 3, "solution": false, "task": false}
# ## 4. Save a run
#
# *4 points, easy, about 10 minutes.*
#
# A batch that does not fit into memory is split into micro-batches, and each one's loss is divided by their number, so that the
# gradients add up to the mean. Divided by 4096, a loss has gradients 4096 times smaller. In fp16 most of those below are zero.
#
# `UNDERFLOWING` describes a Transformer of two layers in fp16. `MicroBatch(count, scaler)` is a scaler around another one: it
# divides the loss by `count` before the backward pass, asks the inner scaler to `scale` and to `unscale_`, and multiplies the
# unscaled gradients by `count` again. In exact arithmetic nothing would change. Run the next cell and see what changes in fp16,
# with `COUNT` = 4096 and a loss scale of 1, which is no scaling at all: the loss falls to about 3.4 nats and then rises again,
# while the run in fp32 goes on falling. (The panel *flushed to zero* shows the share of the weights' gradient elements that are
# exactly zero.)
#
# The course's training loop takes any scaler: `train(config, scaler=my_scaler)` calls its methods in the order of question 3.
#
# `rescue(config, count)` returns the run of `config` with `MicroBatch(count, ...)` around **your** `DynamicLossScaler`, and
# nothing else changed. Each run has a scaler of its own. It starts at `2.0**36`, far too high, and grows after 10 good steps in a
# row, so that you see it fall and grow within 150 steps. Its factors are the default ones.
#
# <details><summary>Hint</summary>
# <code>train</code> returns the run. It needs the config as it is and one <code>scaler</code>; the scaler holds a scaler.
# </details>

# %% tags=["demo"]
lame = train(UNDERFLOWING, scaler=MicroBatch(COUNT, StaticLossScaler(1.0)))
exact = train(UNDERFLOWING.replace(dtype="fp32"), scaler=MicroBatch(COUNT, StaticLossScaler(1.0)))
plots.panels(
    {"fp16, no scaling": [lame], "fp32": [exact]},
    ("loss", "flushed_fraction"),
    title="A loss divided by 4096, in fp16 and in fp32",
)


# %% nbgrader={"grade": false, "grade_id": "rescue_code", "locked": false, "schema_version": 3, "solution": true, "task": false}
def rescue(config, count):
    """Returns the run of config in micro-batches of 1/count, with DynamicLossScaler from 2.0**36 and interval 10."""
    ### BEGIN SOLUTION
    return train(config, scaler=MicroBatch(count, DynamicLossScaler(init_scale=2.0**36, growth_interval=10)))
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "rescue", "locked": true, "points": 4, "schema_version": 3, "solution": false, "task": false}
check("a3_loss_scaling/rescue", rescue)

# %% [markdown]
# Your scaler at work (not graded). The loss stays where it is for the first few steps, while the scale falls; then the run comes
# down to the one in fp32. Hardly any gradient is flushed. Later the scale tries the next power of two after every ten good steps,
# and each time that is too high costs a step. With the default interval of 2000 such steps are rare.

# %% tags=["demo"]
saved = rescue(UNDERFLOWING, COUNT)
print(sum(bool(skipped) for skipped in saved.column("skipped")), "of", len(saved.records), "steps skipped")
plots.panels(
    {"fp16, no scaling": [lame], "fp32": [exact], "fp16, your scaler": [saved]},
    ("loss", "flushed_fraction", "loss_scale"),
    title="The same run with DynamicLossScaler",
)

# %% [markdown] nbgrader={"grade": false, "grade_id": "quiz_small_text", "locked": true, "schema_version": 3, "solution": false, "task": false}
# ## 5. Quiz: what is too small?
#
# Predict the answers to questions 5 to 9 first. Then you may look: `torch.tensor(x, dtype=torch.float16)`.
#
# *1 point.* Which of these gradients is **not** zero after it was stored in fp16?
#
# - **a** 1e-8
# - **b** 2^-25, which is 2.98e-8
# - **c** 3.1e-8
# - **d** None of the three: below 6.1e-5 fp16 holds only zero.

# %% tags=["quiz"] nbgrader={"grade": false, "grade_id": "quiz_small_code", "locked": false, "schema_version": 3, "solution": true, "task": false}
answer_small = ""  # write a letter between the quotes
### BEGIN SOLUTION
answer_small = "c"
### END SOLUTION

# %% nbgrader={"grade": true, "grade_id": "quiz_small", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
check("a3_loss_scaling/quiz_small", answer_small)

# %% [markdown] nbgrader={"grade": false, "grade_id": "quiz_large_text", "locked": true, "schema_version": 3, "solution": false, "task": false}
# ## 6. Quiz: what is too large?
#
# *1 point.* What does fp16 make of 65519 and of 70000?
#
# - **a** 65504 and inf
# - **b** inf and inf
# - **c** 65504 and 65504
# - **d** 65519 and about 70000

# %% tags=["quiz"] nbgrader={"grade": false, "grade_id": "quiz_large_code", "locked": false, "schema_version": 3, "solution": true, "task": false}
answer_large = ""  # write a letter between the quotes
### BEGIN SOLUTION
answer_large = "a"
### END SOLUTION

# %% nbgrader={"grade": true, "grade_id": "quiz_large", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
check("a3_loss_scaling/quiz_large", answer_large)

# %% [markdown] nbgrader={"grade": false, "grade_id": "quiz_digits_text", "locked": true, "schema_version": 3, "solution": false, "task": false}
# ## 7. Quiz: a thousand small steps
#
# *1 point.* A weight is 1.0 and is stored in fp16. An optimizer adds 2^-11 = 0.000488 to it 1000 times, and each result is stored
# in fp16. What is the weight then?
#
# - **a** about 1.49
# - **b** 1.0, because every single sum is rounded back to 1.0
# - **c** about 1.98
# - **d** 1.0, because 2^-11 itself becomes zero in fp16

# %% tags=["quiz"] nbgrader={"grade": false, "grade_id": "quiz_digits_code", "locked": false, "schema_version": 3, "solution": true, "task": false}
answer_digits = ""  # write a letter between the quotes
### BEGIN SOLUTION
answer_digits = "b"
### END SOLUTION

# %% nbgrader={"grade": true, "grade_id": "quiz_digits", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
check("a3_loss_scaling/quiz_digits", answer_digits)

# %% [markdown] nbgrader={"grade": false, "grade_id": "quiz_scale_text", "locked": true, "schema_version": 3, "solution": false, "task": false}
# ## 8. Quiz: a scale for both ends
#
# *1 point.* One backward pass has gradients of size 1e-9 and gradients of size 10. Which loss scale keeps both kinds, neither
# zero nor inf, in fp16?
#
# - **a** 8
# - **b** 1024
# - **c** 65536
# - **d** 2^24

# %% tags=["quiz"] nbgrader={"grade": false, "grade_id": "quiz_scale_code", "locked": false, "schema_version": 3, "solution": true, "task": false}
answer_scale = ""  # write a letter between the quotes
### BEGIN SOLUTION
answer_scale = "b"
### END SOLUTION

# %% nbgrader={"grade": true, "grade_id": "quiz_scale", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
check("a3_loss_scaling/quiz_scale", answer_scale)

# %% [markdown] nbgrader={"grade": false, "grade_id": "quiz_bf16_text", "locked": true, "schema_version": 3, "solution": false, "task": false}
# ## 9. Quiz: bf16 instead
#
# *1 point.* You switch from fp16 with loss scaling to bf16 without. What is true? **More than one may be**: write all letters, as
# in `"ac"`. Each wrong letter takes away what a right one gives.
#
# - **a** Gradients of 1e-9 become zero: with 16 bits you need loss scaling.
# - **b** Gradients of 1e-9 are kept.
# - **c** An activation of 70000 becomes inf, as in fp16.
# - **d** Rounding is 8 times coarser than fp16's for numbers around 1.

# %% tags=["quiz"] nbgrader={"grade": false, "grade_id": "quiz_bf16_code", "locked": false, "schema_version": 3, "solution": true, "task": false}
answer_bf16 = ""  # write the letters between the quotes
### BEGIN SOLUTION
answer_bf16 = "bd"
### END SOLUTION

# %% nbgrader={"grade": true, "grade_id": "quiz_bf16", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
check("a3_loss_scaling/quiz_bf16", answer_bf16)

# %% [markdown] nbgrader={"grade": false, "grade_id": "own_words_text", "locked": true, "schema_version": 3, "solution": false, "task": false}
# ## 10. In your own words
#
# *3 points, graded by hand.* The next cell trains another model with your scaler: 24 layers without norms, in fp16, at a learning
# rate that is too hot. Look at three things. The scale falls and falls, through the lower edge of the figure, to less than 1e-5.
# From about step 12 on the loss is NaN, at every step. And in fp32 the loss shoots up as well. A colleague says: "The loss scaler
# is broken. Give it a lower limit of 1, and it will train."
#
# In four to eight sentences: how do the skipped steps here differ from those at the start of question 4, why can no loss scale
# end them, and what would you do instead?
#
# One point each for: what a few skips and then a steady scale say, against a skip at every step; why neither a lower limit nor
# any other loss scale helps once the loss itself is NaN; a cause outside the scaler that you would go after, with how you would
# tell that you found it.

# %% tags=["demo"]
half = train(DEEP.replace(steps=40, dtype="fp16"), scaler=DynamicLossScaler())
print(
    "skipped:",
    "".join("x" if skipped else "." for skipped in half.column("skipped")),
    " last scale:",
    half.records[-1].loss_scale,
)
plots.panels(
    {"fp16, your scaler": [half], "fp32": [train(DEEP.replace(steps=40))]},
    ("loss", "loss_scale"),
    title="24 layers without norms at a learning rate of 1.5e-2",
)

# %% [markdown] nbgrader={"grade": true, "grade_id": "own_words", "locked": false, "points": 3, "schema_version": 3, "solution": true, "task": false}
# ### BEGIN SOLUTION
# In question 4 the scale began too high: a few steps in a row were skipped, the scale fell until the scaled gradients fitted into
# fp16, and from then on most steps were good. Such skips are the normal price of finding the scale. Here, from step 12 on, every
# step is skipped, however small the scale has become. The loss itself is NaN: something overflowed in the forward pass, before
# the scaler did anything. NaN times any scale is NaN, so the gradients are NaN, every step is skipped, the weights never change,
# and the next forward pass is NaN again. A lower limit only keeps the number from falling; the steps stay skipped. Not skipping
# would write NaN into the weights. The cause is not precision: in fp32 the same run's loss shoots up too, and the only difference
# is that it stays finite, so I would go after the explosion: warmup to this learning rate, a lower one, or norms. I would know
# that I found it if the loss in fp32 falls without the jump, and if in fp16 the scaler then skips a few steps at most and its
# scale stays put.
# ### END SOLUTION
