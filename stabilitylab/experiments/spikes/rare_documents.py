"""Rare bytes: a whole batch of them, one row, one byte (claim E4).

Settings were found on seeds 20-21, tolerances on seeds 20-39.

Expected a document in rare bytes to make a huge gradient; found some 4 to 6 times the median norm, and only where it fills the
whole batch.
"""

from collections.abc import Mapping
from typing import Any

from stabilitylab.experiments.experiment import Arm, Expectation, Experiment, Quantity, Results
from stabilitylab.experiments.spikes.bad_batch import ADAM, AT, FOUR, SGD, gap, surprise
from stabilitylab.training import corpus
from stabilitylab.training.config import RunConfig
from stabilitylab.training.corpus import Batch, Injection

RARE = (Injection("rare_document", (AT,)),)
OPTIMIZERS = ("sgd", "adam")
AMOUNTS = (("byte", "one rare byte"), ("row", "one row of eight"), ("batch", "the whole batch"))


def excess(r: Results, arm: str, twin: str) -> float:
    """The gradient norm of step 40 over that of the twin's ordinary batch at the same weights."""
    return r[arm].records[AT].grad_norm / r[twin].records[AT].grad_norm


def one_byte(config: RunConfig) -> Mapping[str, Any]:
    """One of the 256 targets of step 40 becomes the byte that the text uses least; so does the input that repeats it."""
    text = corpus.load(config.text)
    usual = text.batches(config.batch_size, config.model.context, config.seed, min_distinct_bytes=config.min_distinct_bytes)

    def batch(step: int) -> Batch:
        inputs, targets = usual(step)
        if step == AT:
            inputs, targets = inputs.clone(), targets.clone()
            middle = config.model.context // 2
            inputs[0, middle] = targets[0, middle - 1] = int(text.rarest_bytes(1))
        return Batch(inputs, targets)

    return {"batches": batch}


def one_row(config: RunConfig) -> Mapping[str, Any]:
    """One of the 8 rows of step 40 is a document in rare bytes."""
    text = corpus.load(config.text)
    usual = text.batches(config.batch_size, config.model.context, config.seed, min_distinct_bytes=config.min_distinct_bytes)
    rare = corpus.inject(usual, RARE, text, config.seed)

    def batch(step: int) -> Batch:
        (inputs, targets), (rare_inputs, rare_targets) = usual(step), rare(step)
        if step == AT:
            inputs, targets = inputs.clone(), targets.clone()
            inputs[0], targets[0] = rare_inputs[0], rare_targets[0]
        return Batch(inputs, targets)

    return {"batches": batch}


EXPERIMENT = Experiment(
    name="rare-documents",
    question="does a sentence with a very rare word wipe out what a model has learned?",
    arms={
        "sgd": Arm(SGD, "SGD, ordinary text"),
        "sgd-byte": Arm(SGD, "SGD, one rare byte in the batch of step 40", parts=one_byte),
        "sgd-row": Arm(SGD, "SGD, one row of eight in rare bytes", parts=one_row),
        "sgd-batch": Arm(SGD.replace(injections=RARE), "SGD, the whole batch in rare bytes"),
        "sgd-four": Arm(SGD.replace(injections=FOUR), "SGD, for comparison: four batches of one repeated byte"),
        "adam": Arm(ADAM, "Adam, ordinary text"),
        "adam-byte": Arm(ADAM, "Adam, one rare byte in the batch of step 40", parts=one_byte),
        "adam-row": Arm(ADAM, "Adam, one row of eight in rare bytes", parts=one_row),
        "adam-batch": Arm(ADAM.replace(injections=RARE), "Adam, the whole batch in rare bytes"),
    },
    expectations={
        "one-byte-is-nothing": Expectation(
            (
                "One rare byte changes the gradient norm of its batch by less than a tenth, and SGD's final loss by less than "
                "0.02 nat."
            ),
            lambda r: (
                max(abs(excess(r, f"{name}-byte", name) - 1) for name in OPTIMIZERS) < 0.1
                and abs(gap(r, "sgd-byte", "sgd")) < 0.02
            ),
        ),
        "one-row-is-no-jolt": Expectation(
            "A row of rare bytes makes the norm less than 4 times as large, and SGD ends within 0.04 nat of its twin.",
            lambda r: max(excess(r, f"{name}-row", name) for name in OPTIMIZERS) < 4 and abs(gap(r, "sgd-row", "sgd")) < 0.04,
        ),
        "a-whole-batch-stands-out": Expectation(
            "A whole batch of them has more than twice the median norm, and more than the row.",
            lambda r: all(surprise(r[f"{name}-batch"]) > max(2, surprise(r[f"{name}-row"])) for name in OPTIMIZERS),
        ),
        "nothing-is-wiped-out": Expectation(
            "Even after it SGD ends less than 0.1 nat above its twin.", lambda r: gap(r, "sgd-batch", "sgd") < 0.1
        ),
        "repeated-bytes-are-worse": Expectation(
            "Four batches of one repeated byte do harm: SGD ends higher than after the rare batch.",
            lambda r: gap(r, "sgd-four", "sgd") > gap(r, "sgd-batch", "sgd"),
        ),
    },
    control=("sgd-row", "sgd-four"),
    quantities={
        **{
            f"{name}-{what}-norm": Quantity(
                f"gradient norm over the median before it, {name}, {about}", lambda r, arm=f"{name}-{what}": surprise(r[arm])
            )
            for name in OPTIMIZERS
            for what, about in AMOUNTS
        },
        **{
            f"{name}-{what}-excess": Quantity(
                f"gradient norm over that of the ordinary batch, {name}, {about}",
                lambda r, arm=f"{name}-{what}", name=name: excess(r, arm, name),
            )
            for name in OPTIMIZERS
            for what, about in AMOUNTS
        },
        **{
            f"{name}-{what}-gap": Quantity(
                f"final loss above the twin's, {name}, {about}",
                lambda r, arm=f"{name}-{what}", name=name: gap(r, arm, name),
                "nats",
            )
            for name in OPTIMIZERS
            for what, about in AMOUNTS
        },
    },
    shows=(
        "One rare byte in a batch of 256 changes the gradient's norm by almost nothing, and one row in eight of nothing but "
        "rare bytes hardly more: the loss is a mean over all bytes. Only a batch that is rare from end to end stands out, and "
        "even then nothing is wiped out: SGD ends close to its twin."
    ),
    does_not_show=(
        "What happens with a batch of one sentence, where a rare word weighs more, or with a vocabulary of whole words, whose "
        "rarest embeddings are hardly trained. Adam's final gaps are of the size of its noise, so none is claimed. And a rare "
        "document later in a run, when there is more to lose: bad-batch shows that the step matters."
    ),
)
