# %% [markdown] nbgrader={"grade": false, "grade_id": "intro", "locked": true, "schema_version": 3, "solution": false, "task": false}
# # Assignment 5: AdamW, accumulation and checkpointing, from scratch
#
# Three pieces of machinery stand in nearly every training script for Transformers. Each is about twenty lines long, and each has
# mistakes that raise no error: the run trains, and trains on something else than you think. You will write all three,
# look at what they do, and then train a Transformer with your own optimizer.
#
# | question | points | difficulty | minutes |
# |---|---|---|---|
# | 1 `adamw_step` | 8 | medium | 20 |
# | 2 `accumulated_step` | 10 | medium | 25 |
# | 3 `checkpointed` | 8 | hard | 35 |
# | 4 `adamw_run` | 4 | easy | 10 |
# | 5-8 quiz | 4 | easy | 10 |
# | 9 in your own words (graded by hand) | 3 | medium | 10 |
#
# **How it works.** Replace each `raise NotImplementedError()` by your code and run the check below it. A check tells you which
# misconception it found, if it knows one. When your work is graded the same things are checked on other numbers. Write the
# functions yourself. Ruled out are PyTorch's own Adam and AdamW (questions 1 and 4) and `torch.utils.checkpoint` (question 3);
# using them earns nothing on that question. Everything else in `torch` is allowed.

# %% nbgrader={"grade": false, "grade_id": "setup", "locked": true, "schema_version": 3, "solution": false, "task": false}
import torch

from stabilitylab import check, plots, train
from stabilitylab.exercises.a5_adamw_accumulation_checkpointing import (
    SMALL,
    FunctionOptimizer,
    peak_megabytes,
    torch_run,
    uneven_batch,
)

# %% [markdown] nbgrader={"grade": false, "grade_id": "adamw_step_text", "locked": true, "schema_version": 3, "solution": false, "task": false}
# ## 1. One step of AdamW
#
# *8 points, medium, about 20 minutes.*
#
# Adam keeps two moving averages for every weight, one of the gradients $g$ and one of their squares. Both begin at 0, so both are
# too small at first; dividing by $1 - \beta^t$, where $t$ counts the steps from 1, corrects for that. AdamW decays the weight
# $\theta$ apart from all this:
#
# $$m \leftarrow \beta_1 m + (1 - \beta_1)\, g \qquad v \leftarrow \beta_2 v + (1 - \beta_2)\, g^2
# \qquad \hat m = \frac{m}{1 - \beta_1^t} \qquad \hat v = \frac{v}{1 - \beta_2^t}$$
#
# $$\theta \leftarrow (1 - \mathrm{lr} \cdot \lambda)\, \theta - \mathrm{lr} \, \frac{\hat m}{\sqrt{\hat v} + \epsilon}$$
#
# The decay $\lambda$ takes its share of the weight **as it was before the step**, and $\epsilon$ stands **outside** the root, as
# in `torch.optim.AdamW`.
#
# `adamw_step(parameter, grad, state, *, lr, betas=(0.9, 0.999), eps=1e-8, weight_decay=0.01)`
#
# - changes the tensor `parameter` **in place**. It may be an `nn.Parameter` that requires a gradient, and nobody has switched
#   autograd off for you. It may be transposed, so that its numbers do not lie in a row.
# - leaves `grad`, a tensor of the same shape, as it is
# - `state` is a dictionary of this parameter alone. It is empty at the first step. After each step it holds `"step"`, the number
#   of steps taken so far, and the tensors `"exp_avg"` ($m$) and `"exp_avg_sq"` ($v$), without correction. Change this dictionary:
#   the next call for the same parameter gets it again.
# - `lr`, `betas`, `eps` and `weight_decay` are those of this step; they may differ from those of the step before.
# - What it returns is ignored.
#
# <details><summary>Hint 1: changing an nn.Parameter</summary>
# Put <code>@torch.no_grad()</code> above the function. <code>parameter = parameter - ...</code> makes a new tensor and forgets
# it; <code>parameter.sub_(...)</code> and <code>parameter.mul_(...)</code> change the one that you were given.
# </details>
# <details><summary>Hint 2: an empty state</summary>
# <code>if not state:</code> set the step to 0 and both averages to <code>torch.zeros_like(parameter)</code>. Then raise the step
# before you correct with it.
# </details>
# <details><summary>Hint 3: what the first step looks like</summary>
# After the first step both corrected averages are the gradient and its square, so the step is lr times the sign of the gradient,
# if eps is small. If yours is about three times as large, the correction is missing.
# </details>


# %% nbgrader={"grade": false, "grade_id": "adamw_step_code", "locked": false, "schema_version": 3, "solution": true, "task": false}
def adamw_step(parameter, grad, state, *, lr, betas=(0.9, 0.999), eps=1e-8, weight_decay=0.01):
    """One AdamW step: changes parameter in place and keeps the averages in state."""
    ### BEGIN SOLUTION
    with torch.no_grad():
        if not state:
            state.update(step=0, exp_avg=torch.zeros_like(parameter), exp_avg_sq=torch.zeros_like(parameter))
        state["step"] += 1
        state["exp_avg"].mul_(betas[0]).add_((1 - betas[0]) * grad)
        state["exp_avg_sq"].mul_(betas[1]).add_((1 - betas[1]) * grad**2)
        corrected = state["exp_avg"] / (1 - betas[0] ** state["step"])
        corrected_sq = state["exp_avg_sq"] / (1 - betas[1] ** state["step"])
        parameter.mul_(1 - lr * weight_decay)
        parameter.sub_(lr * corrected / (corrected_sq.sqrt() + eps))
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "adamw_step", "locked": true, "points": 8, "schema_version": 3, "solution": false, "task": false}
check("a5_adamw_accumulation_checkpointing/adamw_step", adamw_step)

# %% [markdown]
# What decoupling is good for (not graded). The weights below begin at 1 and see gradients of pure noise, of four sizes, for 1000
# steps. Your step decays them once as it should, and once as L2: there the decay is added to the gradient, and Adam divides it by
# the root of the second moment like everything else. Which weights does L2 shrink most, and which hardly at all?

# %% tags=["demo"]
for name, decoupled in (("AdamW", 0.1), ("L2 in Adam", 0.0)):
    sizes = torch.tensor([[0.01], [0.1], [1.0], [10.0]])
    weights, state, generator = torch.ones(4, 500), {}, torch.Generator().manual_seed(0)
    for _ in range(1000):
        noise = sizes * torch.randn(weights.shape, generator=generator)
        l2 = (0.1 - decoupled) * weights
        adamw_step(weights, noise + l2, state, lr=1e-3, weight_decay=decoupled)
    left = "  ".join(f"{size:g}: {row:.2f}" for size, row in zip(sizes.flatten().tolist(), weights.mean(dim=1).tolist()))
    print(f"{name:10}  left of a weight, by size of its gradients  {left}")

# %% [markdown] nbgrader={"grade": false, "grade_id": "accumulated_step_text", "locked": true, "schema_version": 3, "solution": false, "task": false}
# ## 2. One step from many micro-batches
#
# *10 points, medium, about 25 minutes.*
#
# A batch that does not fit into memory is cut into micro-batches. `backward()` adds to `.grad`, so the gradients of all of them
# add up by themselves, and the optimizer steps once at the end. If all micro-batches hold the same number of tokens, the mean of
# their means is the mean of all. If they do not, as with answers of different lengths, it is not: a token in a short micro-batch
# then weighs more than one in a long micro-batch. In the experiment behind lesson 08, with 8 to 256 tokens in a micro-batch, the
# mean of means was off by 71% of the gradient's length (median of 20 seeds, 37% to 222%). In October 2024 this very mistake was
# found in Hugging Face's Trainer ([their account](https://huggingface.co/blog/gradient_accumulation), [the
# fix](https://github.com/huggingface/transformers/pull/34191)).
#
# `accumulated_step(loss_sum, micro_batches, parameters, optimizer, max_norm)`
#
# - `loss_sum(micro_batch)` runs the model on a micro-batch and returns a pair: the loss **summed** over its tokens, a scalar
#   tensor with a graph, and the number of its tokens, an int. Call it **once** for every micro-batch, in order, and go backward
#   **before** the next call, so that one graph at a time is in memory.
# - At the optimizer's step the gradients must be those of the **mean over all tokens of all micro-batches**, clipped **once** to
#   the global norm `max_norm`. Gradients that were there before do not count. `torch.nn.utils.clip_grad_norm_` is allowed here.
# - `optimizer` holds exactly `parameters`. Call `optimizer.step()` **once**, at the end.
# - Return a pair: the mean loss per token, and the global norm of that gradient from **before** clipping. Each may be a number or
#   a tensor with one element.
# - A micro-batch may hold 0 tokens; its summed loss is then 0, and it adds nothing. If there is no token in any of them, take
#   **no step** and return `(0.0, 0.0)`: momentum and weight decay move the weights even when all gradients are 0.
# - `micro_batches` and `parameters` may be lists, which stay as they are, or generators. What a micro-batch is only `loss_sum`
#   knows.
#
# <details><summary>Hint 1: the number of all tokens is not known yet</summary>
# It need not be. Go backward on the sums, count on the way, and divide all gradients by the count after the loop.
# </details>
# <details><summary>Hint 2: the order at the end</summary>
# Divide, clip, step. Clipping before the division cuts the sum to max_norm and then makes it shorter still.
# </details>
# <details><summary>Hint 3: the returned loss</summary>
# <code>loss.item()</code> is a plain number. Adding up the loss tensors themselves keeps a link to every graph.
# </details>


# %% nbgrader={"grade": false, "grade_id": "accumulated_step_code", "locked": false, "schema_version": 3, "solution": true, "task": false}
def accumulated_step(loss_sum, micro_batches, parameters, optimizer, max_norm):
    """One optimizer step on the mean over all tokens of all micro-batches; returns (loss per token, norm before clipping)."""
    ### BEGIN SOLUTION
    parameters = list(parameters)
    optimizer.zero_grad()
    total, tokens = 0.0, 0
    for micro_batch in micro_batches:
        loss, count = loss_sum(micro_batch)
        loss.backward()
        total += loss.item()
        tokens += count
    if tokens == 0:
        return 0.0, 0.0
    for p in parameters:
        if p.grad is not None:
            p.grad /= tokens
    norm = torch.nn.utils.clip_grad_norm_(parameters, max_norm)
    optimizer.step()
    return total / tokens, norm.item()
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "accumulated_step", "locked": true, "points": 10, "schema_version": 3, "solution": false, "task": false}
check("a5_adamw_accumulation_checkpointing/accumulated_step", accumulated_step)

# %% [markdown]
# Your function on a Transformer (not graded). The eight micro-batches below hold 8 to 256 tokens. The rate of the optimizer is 0,
# so that the weights stay and only the gradients are compared: yours, and the mean of the micro-batches' means, with that of the
# whole batch at once. (The cell reads `.grad` after your function has run, so it needs a function that leaves the gradients
# there.)

# %% tags=["demo"]
model, loss_sum, micro_batches = uneven_batch()
parameters = list(model.parameters())
still = torch.optim.SGD(parameters, lr=0.0)


def gradient(batches):
    accumulated_step(loss_sum, batches, parameters, still, max_norm=1e9)
    return torch.cat([p.grad.flatten() for p in parameters])


whole = gradient([tuple(torch.cat(parts) for parts in zip(*micro_batches))])
mean_of_means = sum(gradient([m]) for m in micro_batches) / len(micro_batches)
for name, found in (("yours", gradient(micro_batches)), ("mean of means", mean_of_means)):
    print(f"{name:13}  off by {((found - whole).norm() / whole.norm()).item():.1e} of the gradient's length")

# %% [markdown] nbgrader={"grade": false, "grade_id": "checkpointed_text", "locked": true, "schema_version": 3, "solution": false, "task": false}
# ## 3. A stack that forgets
#
# *8 points, hard, about 35 minutes.*
#
# To go backward through a block, autograd needs what the block computed on the way: its activations. In a deep stack they fill
# the memory. Checkpointing keeps only the **input** of each block. When the backward pass reaches a block, the block runs again
# from its input, this time with a graph, and goes backward at once. The price is one more forward pass.
#
# `checkpointed(blocks, x)` sends `x` through the blocks, one after another, and returns the result of the last.
#
# - `blocks`: a list or `nn.ModuleList` of modules, each from a tensor to a tensor. All their parameters require a gradient.
# - The output, and the gradients of `x` and of all parameters, must be those of the plain loop. Gradients **add** to what `.grad`
#   holds already, the same block may stand in the list twice, and a second forward pass may come before the first one's backward.
# - `x` may require a gradient or not. The parameters get theirs either way.
# - Once the forward pass is done, **no activation from inside a block** may be in memory. In the backward pass each block runs
#   **exactly once more**, the last block first.
# - A block may draw random numbers on the CPU, as dropout does. When it runs again it must draw **the same ones**. And the
#   backward pass must leave torch's random state (`torch.get_rng_state`) as it found it, so that whatever is drawn next is what
#   it would have been.
#
# `torch.utils.checkpoint` is ruled out. Write a `torch.autograd.Function`; the class may stand above your function or inside it:
#
# <details><summary>Hint 1: a skeleton</summary>
# <pre>
# class Recompute(torch.autograd.Function):
#     @staticmethod
#     def forward(ctx, block, x, *parameters):   # autograd does not record in here
#         ctx.block = block                      # keep on ctx what backward needs
#         ctx.save_for_backward(x, *parameters)
#         return ...
#
#     @staticmethod
#     def backward(ctx, grad_output):            # nor in here, unless you switch it on
#         x, *parameters = ctx.saved_tensors
#         ...
#         return None, grad_x, *grad_parameters  # one for each argument of forward
#
# x = Recompute.apply(block, x, *block.parameters())
# </pre>
# </details>
# <details><summary>Hint 2: why the parameters are arguments</summary>
# Autograd calls your backward only if an argument of <code>apply</code> requires a gradient, and hands out the gradients that you
# return. Pass the parameters, and both work even if x is plain data. The block uses its own parameters when it runs; the
# arguments only tell autograd about them.
# </details>
# <details><summary>Hint 3: the backward pass</summary>
# <code>x.detach().requires_grad_()</code> cuts the input off from what came before. Run the block on it
# under <code>torch.enable_grad()</code>. Then <code>torch.autograd.grad(y, (x, *parameters), grad_output)</code> gives all the
# gradients at once.
# </details>
# <details><summary>Hint 4: random numbers</summary>
# Take <code>torch.get_rng_state()</code> before the block runs for the first
# time. <code>with torch.random.fork_rng(devices=[]):</code> gives back the present state at its end, whatever you set inside.
# </details>


# %% nbgrader={"grade": false, "grade_id": "checkpointed_code", "locked": false, "schema_version": 3, "solution": true, "task": false}
def checkpointed(blocks, x):
    """Sends x through the blocks and keeps only their inputs for the backward pass."""
    ### BEGIN SOLUTION

    class Recompute(torch.autograd.Function):
        @staticmethod
        def forward(ctx, block, x, *parameters):
            ctx.block, ctx.random_state = block, torch.get_rng_state()
            ctx.save_for_backward(x, *parameters)
            return block(x)

        @staticmethod
        def backward(ctx, grad_output):
            x, *parameters = ctx.saved_tensors
            x = x.detach().requires_grad_()
            with torch.random.fork_rng(devices=[]), torch.enable_grad():
                torch.set_rng_state(ctx.random_state)
                y = ctx.block(x)
            return None, *torch.autograd.grad(y, (x, *parameters), grad_output)

    for block in blocks:
        x = Recompute.apply(block, x, *block.parameters())
    return x
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "checkpointed", "locked": true, "points": 8, "schema_version": 3, "solution": false, "task": false}
check("a5_adamw_accumulation_checkpointing/checkpointed", checkpointed)

# %% [markdown]
# What it saves (not graded): the most megabytes alive at once in one forward and backward pass, for stacks of 2 to 16 blocks,
# weights left out. Both lines rise. What is it that still grows with your function, and why so much more slowly?


# %% tags=["demo"]
def plain(blocks, x):
    for block in blocks:
        x = block(x)
    return x


depths = (2, 4, 8, 16)
plots.lines(
    {
        name: [(depths, [peak_megabytes(run, depth) for depth in depths])]
        for name, run in (("plain", plain), ("checkpointed", checkpointed))
    },
    xlabel="blocks",
    ylabel="peak megabytes",
    title="Activations of a stack, with and without your checkpointing",
)

# %% [markdown] nbgrader={"grade": false, "grade_id": "adamw_run_text", "locked": true, "schema_version": 3, "solution": false, "task": false}
# ## 4. A Transformer under your AdamW
#
# *4 points, easy, about 10 minutes.*
#
# The course's training loop takes any optimizer: `train(config, optimizer=build)` calls `build(parameters)` with the model's
# (name, parameter) pairs, as `model.named_parameters()` gives them, and before every step it writes the scheduled learning rate
# into the optimizer's groups. `FunctionOptimizer` makes an optimizer of a function like yours:
#
# `FunctionOptimizer(params, function, lr=..., betas=..., eps=..., weight_decay=...)` calls
# `function(parameter, grad, state, lr=..., betas=..., eps=..., weight_decay=...)` for every parameter at every step. As with
# torch's own optimizers, `params` may be a list of groups with settings of their own:
# `[{"params": [...], "weight_decay": 0.1}, {"params": [...], "weight_decay": 0.0}]`.
#
# `adamw_run(config)` returns the run (what `train` returns) of `config` with **your** `adamw_step` as its optimizer, begun anew
# at every call.
#
# - `betas` and `eps` are the config's: `config.betas`, `config.eps`. The learning rate comes from the loop; `config.lr` does to
#   begin with.
# - Tensors with **two or more dimensions** (all matrices, embeddings included) decay with `config.weight_decay`. All others
#   (biases, norm gains) decay with **0**, but train like the rest. Many training scripts draw this line.
# - The config itself stays as it is.
#
# <details><summary>Hint</summary>
# <code>p.dim()</code> is the number of dimensions. Write a function <code>build(parameters)</code> inside yours, which makes the
# two groups and returns the <code>FunctionOptimizer</code>.
# </details>


# %% nbgrader={"grade": false, "grade_id": "adamw_run_code", "locked": false, "schema_version": 3, "solution": true, "task": false}
def adamw_run(config):
    """Returns the run of config with adamw_step in the loop; only tensors with two or more dimensions decay."""
    ### BEGIN SOLUTION

    def build(parameters):
        groups = [
            {"params": [p for _, p in parameters if p.dim() >= 2], "weight_decay": config.weight_decay},
            {"params": [p for _, p in parameters if p.dim() < 2], "weight_decay": 0.0},
        ]
        return FunctionOptimizer(groups, adamw_step, lr=config.lr, betas=config.betas, eps=config.eps)

    return train(config, optimizer=build)
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "adamw_run", "locked": true, "points": 4, "schema_version": 3, "solution": false, "task": false}
check("a5_adamw_accumulation_checkpointing/adamw_run", adamw_run)

# %% [markdown]
# Your optimizer beside torch's own AdamW with the same two groups, on the same run (not graded). The two curves should lie on top
# of each other, so that you see one.

# %% tags=["demo"]
plots.panels(
    {"your AdamW": [adamw_run(SMALL)], "torch.optim.AdamW": [torch_run(SMALL)]},
    ("loss", "update_ratio", "lr"),
    title="A Transformer under AdamW from scratch",
)

# %% [markdown] nbgrader={"grade": false, "grade_id": "quiz_decay_text", "locked": true, "schema_version": 3, "solution": false, "task": false}
# ## 5. Quiz: two ways to decay
#
# *1 point.* Weight A has gradients of size 0.01, weight B of size 10; both are noise. You train both with Adam and an L2 term
# (the decay added to the gradient), and then both with AdamW, with the same decay and learning rate. What happens?
#
# - **a** In each run A and B shrink by the same factor: L2 and weight decay are two names for one thing.
# - **b** Under L2 weight B shrinks more than A, because its gradients are larger; under AdamW both shrink alike.
# - **c** Under L2 weight A shrinks much more than B; under AdamW both shrink alike.
# - **d** In both runs weight A shrinks much more than B, because Adam divides by the size of the gradient.

# %% tags=["quiz"] nbgrader={"grade": false, "grade_id": "quiz_decay_code", "locked": false, "schema_version": 3, "solution": true, "task": false}
answer_decay = ""  # write a letter between the quotes
### BEGIN SOLUTION
answer_decay = "c"
### END SOLUTION

# %% nbgrader={"grade": true, "grade_id": "quiz_decay", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
check("a5_adamw_accumulation_checkpointing/quiz_decay", answer_decay)

# %% [markdown] nbgrader={"grade": false, "grade_id": "quiz_accumulation_text", "locked": true, "schema_version": 3, "solution": false, "task": false}
# ## 6. Quiz: what accumulation changes
#
# *1 point.* You go from one batch of 32 independent rows per step to eight such micro-batches per step, accumulated without
# mistakes. Rows have equal lengths. What does the optimizer see at a step?
#
# - **a** The same as after eight smaller steps in a row.
# - **b** A gradient with the same expected value, and an eighth of the variance.
# - **c** A gradient that is eight times as noisy, since the noise of eight micro-batches adds up.
# - **d** An approximation of the gradient of 256 rows, which is worse the more micro-batches there are.

# %% tags=["quiz"] nbgrader={"grade": false, "grade_id": "quiz_accumulation_code", "locked": false, "schema_version": 3, "solution": true, "task": false}
answer_accumulation = ""  # write a letter between the quotes
### BEGIN SOLUTION
answer_accumulation = "b"
### END SOLUTION

# %% nbgrader={"grade": true, "grade_id": "quiz_accumulation", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
check("a5_adamw_accumulation_checkpointing/quiz_accumulation", answer_accumulation)

# %% [markdown] nbgrader={"grade": false, "grade_id": "quiz_clip_text", "locked": true, "schema_version": 3, "solution": false, "task": false}
# ## 7. Quiz: where to clip
#
# *1 point.* You want the global norm of the gradient that reaches the optimizer to be at most 1.0, and a gradient within that
# limit to stay as it is. You accumulate the mean over the tokens of eight micro-batches. Where do you clip?
#
# - **a** After every backward pass, at 1.0.
# - **b** After every backward pass, the micro-batch's own share of the gradient at 1/8.
# - **c** Once after the last backward pass, at 1.0, and then divide by the number of tokens.
# - **d** Once after the last backward pass and the division, at 1.0.

# %% tags=["quiz"] nbgrader={"grade": false, "grade_id": "quiz_clip_code", "locked": false, "schema_version": 3, "solution": true, "task": false}
answer_clip = ""  # write a letter between the quotes
### BEGIN SOLUTION
answer_clip = "d"
### END SOLUTION

# %% nbgrader={"grade": true, "grade_id": "quiz_clip", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
check("a5_adamw_accumulation_checkpointing/quiz_clip", answer_clip)

# %% [markdown] nbgrader={"grade": false, "grade_id": "quiz_checkpointing_text", "locked": true, "schema_version": 3, "solution": false, "task": false}
# ## 8. Quiz: the price of checkpointing
#
# *1 point.* You checkpoint every block of a Transformer. What changes in a training step?
#
# - **a** Each block's forward pass runs once more, and the gradients stay the same.
# - **b** The gradients become approximate, the more so the deeper the model.
# - **c** Activations, gradients and Adam's moments all take less memory.
# - **d** Forward and backward pass each run twice, so a step takes twice as many operations.

# %% tags=["quiz"] nbgrader={"grade": false, "grade_id": "quiz_checkpointing_code", "locked": false, "schema_version": 3, "solution": true, "task": false}
answer_checkpointing = ""  # write a letter between the quotes
### BEGIN SOLUTION
answer_checkpointing = "a"
### END SOLUTION

# %% nbgrader={"grade": true, "grade_id": "quiz_checkpointing", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
check("a5_adamw_accumulation_checkpointing/quiz_checkpointing", answer_checkpointing)

# %% [markdown] nbgrader={"grade": false, "grade_id": "own_words_text", "locked": true, "schema_version": 3, "solution": false, "task": false}
# ## 9. In your own words
#
# *3 points, graded by hand.* A colleague trains on one large GPU with batches of 64 answers, clipped at 1.0. To move to a small
# GPU she cuts every batch into eight micro-batches of 8 answers of different lengths, writes `(loss / 8).backward()` with the
# mean loss of each micro-batch, clips at 1.0 right after it, and switches checkpointing on. The loss curve is no longer that of
# the large GPU, and she suspects the checkpointing. In four to eight sentences: what do you tell her?
#
# One point each for: the mistake in the weighting, and which tokens it favours; the mistake in the clipping, and what it does to
# the gradient; whether checkpointing can be the cause, with one test that finds the guilty line without training anything to the
# end.

# %% [markdown] nbgrader={"grade": true, "grade_id": "own_words", "locked": false, "points": 3, "schema_version": 3, "solution": true, "task": false}
# ### BEGIN SOLUTION
# `(loss / 8)` with the mean of each micro-batch is the mean of means: tokens in micro-batches with short answers weigh more than
# tokens in those with long ones. She must sum the loss, and divide by the number of tokens in all eight. Clipping inside the loop
# cuts what has been accumulated so far whenever it is longer than 1.0, so earlier micro-batches count for less than later ones:
# the gradient changes its direction and not only its length, which can happen even where that of the whole batch is within the
# limit. It belongs after the last micro-batch and the division, once. Checkpointing runs the same operations again and gives the
# same gradients, so it is the last suspect; only if dropout is on and the random state is not restored would it matter. The test
# needs one step: take one batch that fits into memory, in fp32 or fp64 and without dropout, compute the gradient in one piece,
# and then with accumulation alone, with clipping alone, with checkpointing alone. The relative error of each against the first
# says which line is wrong: rounding for a right one, and tens of percent for a wrong one.
# ### END SOLUTION
