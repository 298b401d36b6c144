# %% [markdown] nbgrader={"grade": false, "grade_id": "intro", "locked": true, "schema_version": 3, "solution": false, "task": false}
# # Assignment 1: clipping, from scratch
#
# A gradient says two things: in which direction to go, and how far. When a run explodes, the direction is often
# still useful and the length is absurd. Clipping keeps the first and limits the second. You will write the two usual
# kinds, measure what each does to the direction, and then stop an explosion with your own function in the
# training loop.
#
# | question | points | difficulty | minutes |
# |---|---|---|---|
# | 1 `clip_grad_norm` | 8 | medium | 20 |
# | 2 `clip_grad_value` | 4 | easy | 5 |
# | 3 `cosine_similarity` | 4 | easy | 10 |
# | 4 `rescue` | 4 | easy | 10 |
# | 5-7 quiz | 3 | easy | 5 |
# | 8 in your own words (graded by hand) | 3 | medium | 10 |
#
# **How it works.** Replace each `raise NotImplementedError()` by your code and run the check below it. A check tells you
# which misconception it found, if it knows one. When your work is graded the same things are checked on other
# numbers. Write the functions yourself: PyTorch's own clipping functions (`torch.nn.utils.clip_grad_norm_` and its
# relatives) are ruled out, and using one earns nothing on that question. Everything else in `torch` is allowed.

# %% nbgrader={"grade": false, "grade_id": "setup", "locked": true, "schema_version": 3, "solution": false, "task": false}
import torch

from stabilitylab import check, plots, train
from stabilitylab.exercises.a1_clipping import EXPLODING

# %% [markdown] nbgrader={"grade": false, "grade_id": "clip_grad_norm_text", "locked": true, "schema_version": 3, "solution": false, "task": false}
# ## 1. Clipping by the global norm
#
# *8 points, medium, about 20 minutes.*
#
# Write all gradients of a model, one after the other, as one long vector $g$. Its length $\lVert g \rVert_2$ is the **global
# norm**. If it exceeds `max_norm`, multiply **every** gradient by `max_norm / norm`: one factor for all of them, so that the
# direction stays and only the length changes. If it does not, leave everything untouched.
#
# `clip_grad_norm(parameters, max_norm)`
#
# - `parameters`: an iterable of parameters, which may be a generator such as `model.parameters()`. A parameter whose `.grad` is
#   `None` took no part in the loss: skip it.
# - changes the `.grad` tensors **in place**, and nothing else: not the weights, not the list it is given, no random state and no
#   setting of torch. It remembers nothing from call to call.
# - returns the global norm from **before** clipping (a float or a tensor with one element); 0.0 if there is no gradient at all
#
# <details><summary>Hint 1: how to start</summary>
# You need the gradients twice, once to measure and once to scale. Collect those that are not None in a list first.
# </details>
# <details><summary>Hint 2: the norm over several tensors</summary>
# The squares of all elements of all tensors are added up, and one root is taken at the end. The sum of the tensors' norms is
# something else, and larger.
# </details>
# <details><summary>Hint 3: in place</summary>
# <code>g = g * factor</code> makes a new tensor and forgets it. <code>g.mul_(factor)</code> changes the one that the parameter
# holds.
# </details>


# %% nbgrader={"grade": false, "grade_id": "clip_grad_norm_code", "locked": false, "schema_version": 3, "solution": true, "task": false}
def clip_grad_norm(parameters, max_norm):
    """Scales all gradients in place so that their global L2 norm is at most max_norm; returns the norm from before."""
    ### BEGIN SOLUTION
    grads = [p.grad for p in parameters if p.grad is not None]
    norm = sum(float((g**2).sum()) for g in grads) ** 0.5
    if norm > max_norm:
        for g in grads:
            g.mul_(max_norm / norm)
    return norm
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "clip_grad_norm", "locked": true, "points": 8, "schema_version": 3, "solution": false, "task": false}
check("a1_clipping/clip_grad_norm", clip_grad_norm)

# %% [markdown] nbgrader={"grade": false, "grade_id": "clip_grad_value_text", "locked": true, "schema_version": 3, "solution": false, "task": false}
# ## 2. Clipping by value
#
# *4 points, easy, about 5 minutes.*
#
# The older and cruder kind: every element is cut to the range from `-clip_value` to `clip_value` on its own. Elements inside the
# range stay as they are. Because some elements are cut and others are not, the direction changes; question 3 measures by how
# much.
#
# `clip_grad_value(parameters, clip_value)` changes the `.grad` tensors in place and nothing else, skips `None`, and returns
# nothing.
#
# <details><summary>Hint</summary>
# Tensors have a method for this. Mind the underscore.
# </details>


# %% nbgrader={"grade": false, "grade_id": "clip_grad_value_code", "locked": false, "schema_version": 3, "solution": true, "task": false}
def clip_grad_value(parameters, clip_value):
    """Cuts every element of every gradient, in place, to the range from -clip_value to clip_value."""
    ### BEGIN SOLUTION
    for p in parameters:
        if p.grad is not None:
            p.grad.clamp_(-clip_value, clip_value)
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "clip_grad_value", "locked": true, "points": 4, "schema_version": 3, "solution": false, "task": false}
check("a1_clipping/clip_grad_value", clip_grad_value)

# %% [markdown] nbgrader={"grade": false, "grade_id": "cosine_similarity_text", "locked": true, "schema_version": 3, "solution": false, "task": false}
# ## 3. What clipping does to the direction
#
# *4 points, easy, about 10 minutes.*
#
# The cosine of the angle between two gradients is 1 if they point the same way, 0 at a right angle, -1 if they are opposed:
#
# $$\cos(a, b) = \frac{a \cdot b}{\lVert a \rVert \, \lVert b \rVert}$$
#
# `cosine_similarity(grads_a, grads_b)` takes two lists of tensors with matching shapes and treats each list as **one long
# vector**. It returns a float (or a tensor with one element), and leaves what it is given as it is.
#
# <details><summary>Hint</summary>
# Averaging the cosines of the single tensors gives every tensor the same say, however small it is. Add up the products over all
# tensors first, and divide once at the end.
# </details>


# %% nbgrader={"grade": false, "grade_id": "cosine_similarity_code", "locked": false, "schema_version": 3, "solution": true, "task": false}
def cosine_similarity(grads_a, grads_b):
    """Cosine of the angle between two gradients, each a list of tensors seen as one long vector."""
    ### BEGIN SOLUTION
    a = torch.cat([g.flatten() for g in grads_a])
    b = torch.cat([g.flatten() for g in grads_b])
    return (a @ b / (a.norm() * b.norm())).item()
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "cosine_similarity", "locked": true, "points": 4, "schema_version": 3, "solution": false, "task": false}
check("a1_clipping/cosine_similarity", cosine_similarity)

# %% [markdown]
# With all three at hand, see the difference. The gradient below has one element that is far larger than the others: norm clipping
# keeps its direction, value clipping turns it by a lot. (This cell is not graded.)

# %% tags=["demo"]
raw = [torch.tensor([30.0, 1.0, -2.0]), torch.tensor([0.5, 1.5])]
for name, clip in (("norm", clip_grad_norm), ("value", clip_grad_value)):
    parameters = [torch.nn.Parameter(torch.zeros_like(g)) for g in raw]
    for p, g in zip(parameters, raw):
        p.grad = g.clone()
    clip(parameters, 1.0)
    print(f"clipped by {name:5}  cosine to the raw gradient {float(cosine_similarity(raw, [p.grad for p in parameters])):.3f}")

# %% [markdown] nbgrader={"grade": false, "grade_id": "rescue_text", "locked": true, "schema_version": 3, "solution": false, "task": false}
# ## 4. Stop an explosion
#
# *4 points, easy, about 10 minutes.*
#
# `EXPLODING` describes a Transformer of six layers without norms, initialised four times wider than usual, under plain SGD at
# learning rate 0.3. It is dead after a few steps. Run the next cell and look: the loss shoots up, and a step later the gradients
# are no longer finite.
#
# The course's training loop takes any clip function: `train(config, clip=my_function)` calls
# `my_function(parameters, config.clip_norm)` between the backward pass and the optimizer's step. A config is changed with
# `config.replace(field=value)`.
#
# `rescue(config)` returns the run of `config` with **your** `clip_grad_norm` in the loop at limit 1.0, and nothing else changed.
#
# <details><summary>Hint</summary>
# Two things are needed: the limit goes into the config (<code>clip_norm</code>), the function into <code>train</code>
# (<code>clip</code>).
# </details>

# %% tags=["demo"]
plots.panels({"no clipping": [train(EXPLODING)]}, ("loss", "grad_norm"), title="SGD at 0.3 without norms explodes")


# %% nbgrader={"grade": false, "grade_id": "rescue_code", "locked": false, "schema_version": 3, "solution": true, "task": false}
def rescue(config):
    """Returns the run of config with clip_grad_norm at limit 1.0 in the training loop."""
    ### BEGIN SOLUTION
    return train(config.replace(clip_norm=1.0), clip=clip_grad_norm)
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "rescue", "locked": true, "points": 4, "schema_version": 3, "solution": false, "task": false}
check("a1_clipping/rescue", rescue)

# %% [markdown]
# Your function at work (not graded). The explosion is gone, and the loss falls. Look at the second panel, though: before
# clipping, the norm is above 1 at nearly every step. And compare the loss with the unigram line. Both matter for question 8.

# %% tags=["demo"]
plots.panels(
    {"with your clipping": [rescue(EXPLODING)]},
    ("loss", "grad_norm", "clipped_norm"),
    title="The same run with clip_grad_norm at 1.0",
)

# %% [markdown] nbgrader={"grade": false, "grade_id": "quiz_direction_text", "locked": true, "schema_version": 3, "solution": false, "task": false}
# ## 5. Quiz: length and direction
#
# *1 point.* The global norm of a gradient is 4, and you clip by global norm with `max_norm = 1`. What happens?
#
# - **a** Elements larger than 1 become 1, the others stay.
# - **b** Each layer's gradient is scaled to norm 1.
# - **c** Every element is divided by 4.
# - **d** Every gradient, this one and all later ones, is given length exactly 1.

# %% tags=["quiz"] nbgrader={"grade": false, "grade_id": "quiz_direction_code", "locked": false, "schema_version": 3, "solution": true, "task": false}
answer_direction = ""  # write a letter between the quotes
### BEGIN SOLUTION
answer_direction = "c"
### END SOLUTION

# %% nbgrader={"grade": true, "grade_id": "quiz_direction", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
check("a1_clipping/quiz_direction", answer_direction)

# %% [markdown] nbgrader={"grade": false, "grade_id": "quiz_nan_text", "locked": true, "schema_version": 3, "solution": false, "task": false}
# ## 6. Quiz: one bad number
#
# *1 point.* One element of one gradient is `inf`; all others are ordinary numbers. You clip by global norm with `max_norm = 1`,
# as in question 1. What do the gradients hold afterwards?
#
# - **a** The `inf` is cut to 1, the others stay as they were.
# - **b** All are 0.
# - **c** All are NaN.
# - **d** The bad element is NaN, all others are 0.

# %% tags=["quiz"] nbgrader={"grade": false, "grade_id": "quiz_nan_code", "locked": false, "schema_version": 3, "solution": true, "task": false}
answer_nan = ""  # write a letter between the quotes
### BEGIN SOLUTION
answer_nan = "d"
### END SOLUTION

# %% nbgrader={"grade": true, "grade_id": "quiz_nan", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
check("a1_clipping/quiz_nan", answer_nan)

# %% [markdown] nbgrader={"grade": false, "grade_id": "quiz_adam_text", "locked": true, "schema_version": 3, "solution": false, "task": false}
# ## 7. Quiz: clipping and Adam
#
# *1 point.* In lesson 01 a Transformer under Adam at a constant learning rate of 1e-2 got stuck at the unigram plateau, and
# clipping at 1.0 did not free it. Why not?
#
# - **a** The limit was too high: at 0.01 it would have trained.
# - **b** Adam divides by the recent size of the gradient, so an update's length hardly depends on the gradient's length.
# - **c** Clipping has no effect whatever under Adam.
# - **d** The run held NaN, which clipping does not remove.

# %% tags=["quiz"] nbgrader={"grade": false, "grade_id": "quiz_adam_code", "locked": false, "schema_version": 3, "solution": true, "task": false}
answer_adam = ""  # write a letter between the quotes
### BEGIN SOLUTION
answer_adam = "b"
### END SOLUTION

# %% nbgrader={"grade": true, "grade_id": "quiz_adam", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
check("a1_clipping/quiz_adam", answer_adam)

# %% [markdown] nbgrader={"grade": false, "grade_id": "own_words_text", "locked": true, "schema_version": 3, "solution": false, "task": false}
# ## 8. In your own words
#
# *3 points, graded by hand.* In question 4 clipping fired on nearly every step. A colleague says: "It no longer explodes, so
# clipping has fixed it." In four to eight sentences: what has clipping turned this run into, what does the firing rate tell you,
# and what would you try next besides clipping?
#
# One point each for: what the optimizer is in effect when every gradient is cut to the same length; what a firing rate near 100%
# says about the setup; one or two causes you would go after, with how you would tell that you found the right one.

# %% [markdown] nbgrader={"grade": true, "grade_id": "own_words", "locked": false, "points": 3, "schema_version": 3, "solution": true, "task": false}
# ### BEGIN SOLUTION
# When every gradient is cut to length 1, SGD takes steps of the same length whatever the loss surface looks like: it has become
# normalised SGD, and its effective learning rate is lr / norm, which changes from step to step. A firing rate near 100% says that
# the limit is not a safety net but part of the optimizer: the gradients are large all the time, not now and then, so something in
# the setup is wrong. Here the initial weights are four times too wide and there are no norms, so signals and gradients grow with
# depth. I would go after these: initialise at 0.02 or scale the residual projections, or put pre-LN in, and check that the norm
# before clipping falls below the limit on most steps and the run trains without clipping too. A lower learning rate also makes it
# survive; if only that helped, with norms still huge, I would not call the cause found.
# ### END SOLUTION
