# %% [markdown]
# # Mystery runs
#
# A run is trained here that nobody has seen before, and something may be wrong with it. You see its loss. You have ten points for
# diagnostics, name the cause, choose a cure, and the same run is trained again with it. Before you play, know the [four
# causes](04_clipping_is_a_diagnosis.ipynb) of lesson 04; the [fp16 lesson](05_fp16_and_loss_scaling.ipynb) helps.
#
# - **The cause** is the data, the learning rate, numerics, conditioning (depth or the initial weights), two of these at once, or
#   nothing: a rough curve may be healthy.
# - **The settings file** says what was configured. What was done may differ.
# - **The step** in the box is the one that *text of the batch* and *re-run without the batches around a step* ask about, and
#   around which the cure *skip* skips. A jump in the curve is a good place to look.
#
# Play the incident below, or press **Another**: a new seed gives a new incident. The same number always gives the same one, so
# `mystery_room.play(7)` can be passed on to a colleague.

# %%
from stabilitylab import mystery_room

room = mystery_room.play(1)

# %% [markdown]
# ## How it is scored
#
# - **Cause: half of the hundred points.** Half of a mixture is half right; so is one right cause beside a wrong one.
# - **Cure: three tenths.** No table says which cure is right. The replay with your cure is compared on held-out text with the
#   *healthy twin*, the same weights and batches with nothing wrong. A cure that works is a cure, whatever you named.
# - **Points left: two tenths.** The curve is free.
#
# A simple rule plays every incident after you, with the same evidence and the same points. Your results are kept in
# `work/mysteries.json`; here are the last ones:

# %%
from stabilitylab.mystery import game

kept = [(seed, attempt) for seed, attempts in game.results().items() for attempt in attempts]
for seed, attempt in sorted(kept, key=lambda pair: pair[1]["when"])[-10:]:
    print(f"incident {seed}: {attempt['points']:3} of 100, you said {' and '.join(attempt['causes'])} ({attempt['when']})")
if not kept:
    print("no game kept yet: play one, then run this cell again")

# %% [markdown]
# **What this does not show.** The faults are made on purpose and strong, the models have a few layers, and the runs last a
# hundred steps at most. What counts as a usual update ratio or attention logit here is usual in these models and no others.
