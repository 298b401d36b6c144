"""What assignment a4_detect_and_recover asks: a monitor judged on recorded runs, a checkpoint that resumes bit for bit, and a
rollback."""

from __future__ import annotations

import hashlib
import io
import math
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from statistics import median
from types import SimpleNamespace
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from stabilitylab.exercises import Probe, Question, quiz, recorded_runs
from stabilitylab.exercises.recorded_runs import AT
from stabilitylab.training.config import RunConfig
from stabilitylab.training.corpus import Injection
from stabilitylab.training.loop import Trainer
from stabilitylab.training.model import ModelConfig
from stabilitylab.training.telemetry import StepRecord

ALARMS = ("nonfinite", "spike", "firing_rate", "update_ratio")
"""The names that a monitor may return."""

CLEAN = RunConfig(model=ModelConfig(layers=2, width=32, heads=2, context=32), optimizer="sgd", lr=0.1, warmup_steps=20, steps=140)
"""A calm run of SGD, the twin of ``POISONED``."""

POISONED = CLEAN.replace(injections=(Injection("repeated_byte", (60, 61, 62, 63)),))
"""The same run with one byte repeated as the whole batch at steps 60 to 63."""


# Question 1: the monitor. The learner's process is given records and nothing else: the streams are drawn, and what the monitor
# said is judged, where no learner's code runs. So nothing there can tell where an incident is, but by looking at the records.

CALM_SGD = tuple(name for name in recorded_runs.RUNS if name.startswith("calm-sgd"))
CALM_ADAM = tuple(name for name in recorded_runs.RUNS if name.startswith("calm-adam"))
BAD_SGD = tuple(name for name in recorded_runs.RUNS if name.startswith("bad-sgd"))
BAD_ADAM = tuple(name for name in recorded_runs.RUNS if name.startswith("bad-adam"))
SUMMED = tuple(name for name in recorded_runs.RUNS if name.startswith("summed"))
ALWAYS_CLIPPED = tuple(name for name in recorded_runs.RUNS if name.startswith("always-clipped"))
HOT = tuple(name for name in recorded_runs.RUNS if name.startswith("hot"))

BUDGET = 4
"""False alarms allowed in one stream."""

SPIKE_WITHIN, FIRING_WITHIN, RATIO_WITHIN = 3, 30, 3
HOT_RATIO = 0.06
LATE = 45
AFTERSHOCK = 25
"""Steps after the beginning of an incident in which an alarm is no false one: the loss takes some steps to come back."""


@dataclass(frozen=True)
class Stream:
    """What one monitor is fed.

    Attributes:
        records: one after the other.
        incidents: (first, last) positions in ``records``: an alarm between them, both included, notices the incident in time.
        calm: positions at which an alarm is a false one.
    """

    records: Sequence[StepRecord]
    incidents: tuple[tuple[int, int], ...] = ()
    calm: frozenset[int] = frozenset()


SEEN = ("step", "loss", "grad_norm", "clipped_norm", "clipped", "update_ratio")
"""What a monitor is told of a step."""


def told(streams: Sequence[Stream]) -> list[Any]:
    """The records of streams as plain data."""
    return [[[getattr(record, name) for name in SEEN] for record in stream.records] for stream in streams]


def listen(monitor: Any, rows: Sequence[Any]) -> list[list[Any]]:
    """[position, alarm] for everything that a monitor says to one stream."""
    return [[i, name] for i, row in enumerate(rows) for name in names(monitor.observe(SimpleNamespace(**dict(zip(SEEN, row)))))]


def names(returned: Any) -> list[str]:
    """The alarms that a monitor returned, in any kind of collection.

    Raises:
        ValueError: if it is a string, whose elements are letters.
    """
    if isinstance(returned, str):
        raise ValueError("observe returned a string; return a list of names, empty if nothing is wrong")
    return [str(name) for name in returned]


def verdict(stream: Stream, heard: Any, alarm: str) -> dict[str, Any]:
    """How well an alarm did on a stream, in words that any two good rules share."""
    for position, name in heard:
        if type(position) is not int or not 0 <= position < len(stream.records) or name not in ALARMS:
            raise ValueError(f"an alarm is not a position and one of {', '.join(ALARMS)}")
    said = sorted({position for position, name in heard if name == alarm})
    false = stream.calm.intersection(said)
    begin = min((first for first, _ in stream.incidents), default=0)
    noticed = []
    for first, last in stream.incidents:
        in_time, later = any(first <= p <= last for p in said), any(last < p <= last + LATE for p in said)
        noticed.append("in time" if in_time else "late" if later else "never")
    where = "after the incident" if min(false, default=0) > begin else "in calm steps"
    many = "nearly everywhere" if len(false) > len(stream.calm) / 2 else f"too many {where}"
    return {"noticed": noticed, "false alarms": "few" if len(false) <= BUDGET else many}


def monitored(streams: Callable[[random.Random], list[Stream]], alarm: str, sentence: str) -> Probe:
    """A probe that feeds each stream to a fresh monitor and judges one of its alarms."""

    def ask(monitor, drawn):
        return [listen(monitor(), rows) for rows in drawn]

    def draw(rng):
        return told(streams(rng))

    def settle(heard, rng):
        drawn = streams(rng)
        if len(heard) != len(drawn):
            raise ValueError("one list of alarms for each stream is needed")
        return [verdict(stream, said, alarm) for stream, said in zip(drawn, heard)]

    ask.__name__ = streams.__name__
    return Probe(ask, sentence, draw=draw, settle=settle)


def stretch(rng: random.Random, names: Sequence[str], low: int, high: int, first: tuple[int, int] = (40, 95)) -> list[StepRecord]:
    """A piece of one of some runs: it begins somewhere after the warmup and is ``low`` to ``high`` steps long."""
    begin = rng.randint(*first)
    return list(recorded_runs.load(rng.choice(names)).records[begin : begin + rng.randint(low, high)])


def incident(rng: random.Random, names: Sequence[str], calm: Sequence[StepRecord], length: int) -> list[StepRecord]:
    """The incident of one of some runs and what came after, at the level of gradient norms that a calm stretch ends on."""
    records = recorded_runs.load(rng.choice(names)).records
    factor = usual(calm) / usual(records[:AT])
    return scaled(records[AT : AT + length], factor)


def usual(records: Sequence[StepRecord]) -> float:
    return median(record.grad_norm for record in records[-20:])


def scaled(records: Sequence[StepRecord], factor: float) -> list[StepRecord]:
    """The same records with all gradient norms multiplied: as if the loss had been summed over another number of bytes."""
    return [replace(r, grad_norm=r.grad_norm * factor, clipped_norm=r.clipped_norm * factor) for r in records]


def numbered(rng: random.Random, records: Sequence[StepRecord]) -> list[StepRecord]:
    """Consecutive steps, counted from anywhere."""
    first = rng.randint(40, 5000)
    return [replace(record, step=first + i) for i, record in enumerate(records)]


def with_spike(rng: random.Random, calm: Sequence[str], bad: Sequence[str], factor: float = 1.0) -> Stream:
    """Calm steps of one run, then the incident of another."""
    before = stretch(rng, calm, 52, 60)
    records = numbered(rng, scaled(before + incident(rng, bad, before, 60), factor))
    at = len(before)
    return Stream(records, ((at, at + SPIKE_WITHIN),), frozenset({*range(at), *range(at + AFTERSHOCK, len(records))}))


def notices_bad_batches(rng):
    return [with_spike(rng, CALM_SGD, BAD_SGD), with_spike(rng, CALM_ADAM, BAD_ADAM)]


def notices_what_the_loss_does_not_show(rng):
    return [with_spike(rng, CALM_SGD, SUMMED)]


def works_at_any_scale(rng):
    factors = (10 ** rng.uniform(1.3, 2), 10 ** rng.uniform(-2, -1.6))
    return [with_spike(rng, CALM_SGD, BAD_SGD, factor) for factor in factors]


def notices_a_second_spike(rng):
    before = stretch(rng, CALM_SGD, 52, 60)
    first = incident(rng, SUMMED, before, rng.randint(8, 12))
    records = numbered(rng, before + first + incident(rng, BAD_SGD, before, 60))
    one, two = len(before), len(before) + len(first)
    calm = frozenset({*range(one), *range(two + AFTERSHOCK, len(records))})
    return [Stream(records, ((one, one + SPIKE_WITHIN), (two, two + SPIKE_WITHIN)), calm)]


def keeps_watching_after_nan(rng):
    before = stretch(rng, CALM_SGD, 52, 60)
    broken = [replace(r, loss=bad, grad_norm=bad, clipped_norm=bad) for r, bad in zip(before, (math.nan, math.inf, math.nan))]
    between = before[-rng.randint(6, 10) :]
    records = numbered(rng, before + broken + between + incident(rng, BAD_SGD, before, 60))
    at = len(before) + len(broken) + len(between)
    calm = {*range(len(before)), *range(at - len(between), at), *range(at + AFTERSHOCK, len(records))}
    return [Stream(records, ((at, at + SPIKE_WITHIN),), frozenset(calm))]


def notices_constant_clipping(rng):
    before = stretch(rng, CALM_SGD, 74, 78, first=(78, 82))
    after = stretch(rng, ALWAYS_CLIPPED, 75, 78, first=(40, 80))
    at = len(before)
    records = scaled(numbered(rng, before + after), 10 ** rng.uniform(-1.7, -1.3))  # the limit is not 1.0 here
    return [Stream(records, ((at, at + FIRING_WITHIN),), frozenset(range(at)))]


def notices_updates_that_are_too_large(rng):
    streams = []
    for name in HOT:
        records = recorded_runs.load(name).records[: rng.randint(15, 25)]
        onset = next(i for i, r in enumerate(records) if r.update_ratio > HOT_RATIO)
        streams.append(Stream(records, ((0, onset + RATIO_WITHIN),)))
    for names in (CALM_SGD, CALM_ADAM):
        records = recorded_runs.load(rng.choice(names)).records[rng.randint(0, 60) :]
        streams.append(Stream(records, (), frozenset(range(len(records)))))
    return streams


BROKEN: tuple[dict[str, Any], ...] = (
    *({"loss": bad} for bad in (math.nan, math.inf)),
    *({"grad_norm": bad, "clipped_norm": bad} for bad in (math.nan, math.inf)),
)


def broken_streams(rng: random.Random) -> list[Stream]:
    """A calm run with single broken numbers in it, and the real thing: an explosion and an overflow."""
    calm = stretch(rng, CALM_SGD, 52, 60)
    places = rng.sample(range(5, 45), len(BROKEN))
    for place, changes in zip(places, BROKEN):
        calm[place] = replace(calm[place], **changes)
    real = [
        recorded_runs.load(f"{kind}-{rng.choice(seeds)}") for kind, seeds in (("exploding", (23, 24)), ("overflow", (25, 26)))
    ]
    return [Stream(numbered(rng, calm))] + [Stream(run.records[rng.randint(0, 5) : rng.randint(24, 36)]) for run in real]


def notices_every_number_that_is_not_finite(monitor, drawn):
    return [listen(monitor(), rows) for rows in drawn]


def which_were_missed(heard, rng):
    missed, false = set(), 0
    for stream, said in zip(broken_streams(rng), heard, strict=True):
        verdict(stream, said, "nonfinite")  # refuses unknown names
        alarmed = {position for position, name in said if name == "nonfinite"}
        for i, record in enumerate(stream.records):
            what = {name: str(x) for name, x in (("loss", record.loss), ("norm", record.grad_norm)) if not math.isfinite(x)}
            if what and i not in alarmed:
                missed.add(" ".join(f"{name} {value}" for name, value in what.items()))
            false += not what and i in alarmed
    return {"missed": sorted(missed), "false": "none" if not false else "some"}


def two_streams(rng: random.Random) -> tuple[Stream, Stream]:
    """Two runs of one length whose gradient norms are far apart."""
    small, large = (with_spike(rng, CALM_SGD, BAD_SGD, 10 ** rng.uniform(*range_)) for range_ in ((-2, -1.6), (1.6, 2)))
    return small, large


def keeps_two_runs_apart(monitor, drawn):
    monitors = [monitor() for _ in drawn]
    heard = [[] for _ in drawn]
    for i in range(max(len(rows) for rows in drawn)):
        for rows, watching, said in zip(drawn, monitors, heard):
            if i < len(rows):
                said += [[i, name] for _, name in listen(watching, [rows[i]])]
    return heard


def each_on_its_own(heard, rng):
    return [verdict(stream, said, "spike") for stream, said in zip(two_streams(rng), heard, strict=True)]


# Question 2: the checkpoint of a job that has everything one can forget.

EXAMPLES, BATCH, WARMUP = 20, 3, 12


class ShuffledData:
    """Walks through examples in a random order, and draws a new order from its own generator when too few are left for a batch.

    Attributes:
        generator: torch.Generator that the orders come from.
        order: int64 tensor (20,), the order of this pass.
        position: how many examples of this pass were handed out.
    """

    def __init__(self, seed: int):
        draws = random.Random(seed)
        self.inputs = torch.tensor([[draws.gauss(0, 1) for _ in range(4)] for _ in range(EXAMPLES)])
        self.targets = self.inputs.sin().sum(dim=1, keepdim=True)
        self.generator = torch.Generator().manual_seed(seed)
        self.order = torch.randperm(EXAMPLES, generator=self.generator)
        self.position = 0

    def next_rows(self) -> Tensor:
        """The numbers of the next batch's examples: int64 tensor (3,)."""
        if self.position + BATCH > EXAMPLES:
            self.order = torch.randperm(EXAMPLES, generator=self.generator)
            self.position = 0
        rows = self.order[self.position : self.position + BATCH]
        self.position += BATCH
        return rows


class Job:
    """A tiny training job with dropout, Adam, a warmup and shuffled data.

    Attributes:
        model: nn.Sequential with a Dropout, which draws from torch's global random state.
        optimizer: torch.optim.Adam.
        data: ``ShuffledData``.
        step: how many steps were taken; the learning rate depends on it.
    """

    def __init__(self, seed: int):
        draws = random.Random(seed)
        self.model = nn.Sequential(nn.Linear(4, 8), nn.Tanh(), nn.Dropout(0.3), nn.Linear(8, 1))
        with torch.no_grad():
            for p in self.model.parameters():
                p.copy_(torch.tensor([draws.gauss(0, 0.5) for _ in range(p.numel())]).view(p.shape))
        self.optimizer = torch.optim.Adam(self.model.parameters(), lr=0.05)
        self.data = ShuffledData(0)  # every job has the same examples
        self.data.generator.manual_seed(seed)
        self.data.order = torch.randperm(EXAMPLES, generator=self.data.generator)
        self.step = 0

    def train(self, steps: int) -> list[float]:
        """Takes some steps; returns their losses."""
        losses = []
        for _ in range(steps):
            self.optimizer.param_groups[0]["lr"] = 0.05 * min(1.0, (self.step + 1) / WARMUP)
            rows = self.data.next_rows()
            loss = F.mse_loss(self.model(self.data.inputs[rows]), self.data.targets[rows])
            self.optimizer.zero_grad()
            loss.backward()
            self.optimizer.step()
            self.step += 1
            losses.append(loss.item())
        return losses


def snapshot(job: Job) -> dict[str, Any]:
    """Everything that decides how a job goes on, as plain data."""
    moments = [job.optimizer.state.get(p, {}) for p in job.model.parameters()]
    return {
        "weights": [p.detach().flatten().tolist() for p in job.model.parameters()],
        "moments": [s[name].flatten().tolist() for s in moments for name in ("exp_avg", "exp_avg_sq") if name in s],
        "update counts": [float(s["step"]) for s in moments if "step" in s],
        "dropout": digest(torch.get_rng_state()),
        "order": [int(i) for i in job.data.order],
        "position": int(job.data.position),
        "shuffling": digest(job.data.generator.get_state()),
        "step": int(job.step),
    }


def digest(state: Tensor) -> str:
    return hashlib.sha256(bytes(state.tolist())).hexdigest()


@dataclass(frozen=True)
class Plan:
    """When a job is saved, and how long it then goes on; never at the end of a pass, and past the end of one."""

    seed: int
    before: int
    after: int
    lost: int

    @classmethod
    def draw(cls, rng: random.Random) -> Plan:
        return cls(rng.randrange(1, 10**6), rng.choice([8, 9, 10]), rng.randint(9, 12), rng.randint(4, 6))

    def job(self) -> Job:
        """A job trained up to where it is saved; torch's global random state is that of the seed."""
        torch.manual_seed(self.seed)
        job = Job(self.seed)
        job.train(self.before)
        return job

    def other(self, number: int = 1) -> Job:
        """A fresh job in a fresh process, as it were: other weights, another order, another random state."""
        torch.manual_seed(self.seed + number)
        return Job(self.seed + number)


def seen(job: Job, steps: int) -> dict[str, Any]:
    """A job as it is now, the losses of its next steps, and the job after them."""
    return {"now": snapshot(job), "losses": job.train(steps), "then": snapshot(job)}


def uninterrupted(rng: random.Random) -> dict[str, Any]:
    """What a job does that was never saved. Runs where no learner's code ever ran."""
    plan = Plan.draw(rng)
    with torch.random.fork_rng(devices=[]):
        return seen(plan.job(), plan.after)


def close(a: Any, b: Any) -> bool:
    """Whether two snapshots' parts are the same; a last bit may differ between processes, a mistake differs by far more."""
    if isinstance(b, list):
        return isinstance(a, list) and len(a) == len(b) and all(close(x, y) for x, y in zip(a, b))
    if isinstance(b, float):
        return isinstance(a, (int, float)) and math.isclose(a, b, rel_tol=1e-5, abs_tol=1e-7)
    return type(a) is type(b) and a == b


def compared(given: Any, rng: random.Random) -> list[dict[str, Any]]:
    """For each resumed job: which of its parts are not the uninterrupted one's, and the first step whose loss is another. Then:
    the parts alike in all."""
    right = uninterrupted(rng)

    def difference(job: Any) -> dict[str, Any]:
        def wrong(when: str) -> list[str]:
            return [part for part in right[when] if not close(job[when][part], right[when][part])]

        if len(job["losses"]) != len(right["losses"]):
            raise ValueError("the losses of all steps are needed")
        first = next((i for i, (a, b) in enumerate(zip(job["losses"], right["losses"])) if not close(a, b)), None)
        return {"differs at once": wrong("now"), "differs later": wrong("then"), "first other loss": first}

    # what is the same in two jobs and still wrong was set by the restore, and not left as it was
    alike = [part for part in right["now"] if all(close(job["now"][part], given[0]["now"][part]) for job in given)]
    return [difference(job) for job in given] + [{"alike": alike}]


def resumed(use: Callable[[Any, Plan], list[dict[str, Any]]], sentence: str) -> Probe:
    """A probe that saves and restores a job, and compares with one that was never saved."""

    def ask(checkpoint, rng):
        with torch.random.fork_rng(devices=[]):
            return use(checkpoint, Plan.draw(rng))

    ask.__name__ = use.__name__
    return Probe(ask, sentence, settle=compared)


def continues_in_a_fresh_job(checkpoint, plan):
    saved = checkpoint(plan.job())
    job = plan.other()
    saved.restore(job)
    return [seen(job, plan.after)]


def goes_back_after_training_on(checkpoint, plan):
    job = plan.job()
    saved = checkpoint(job)
    job.train(plan.lost)
    saved.restore(job)
    return [seen(job, plan.after)]


def can_be_restored_twice(checkpoint, plan):
    saved = checkpoint(plan.job())
    runs = []
    for number in (1, 2):
        job = plan.other(number)
        saved.restore(job)
        runs.append(seen(job, plan.after))
    return runs


def saving_disturbs_nothing(checkpoint, plan):
    job = plan.job()
    for _ in range(3):
        saved = checkpoint(job)
    runs = [seen(job, plan.after)]
    job = plan.other()
    saved.restore(job)
    return [*runs, seen(job, plan.after)]


def survives_a_file(checkpoint, plan):
    saved = checkpoint(plan.job())
    file = io.BytesIO()
    torch.save(saved.state, file)
    file.seek(0)
    saved.state = torch.load(file)  # reads plain data only, by default
    job = plan.other()
    saved.restore(job)
    return [seen(job, plan.after)]


def hands_out_the_same_rows(checkpoint, rng):
    plan = Plan.draw(rng)
    with torch.random.fork_rng(devices=[]):
        saved = checkpoint(plan.job())
        job = plan.other()
        saved.restore(job)
        return [job.data.next_rows().tolist() for _ in range(3 * EXAMPLES // BATCH)]


def the_first_other_batch(rows, rng):
    plan = Plan.draw(rng)
    with torch.random.fork_rng(devices=[]):
        job = plan.job()
        left = (EXAMPLES - job.data.position) // BATCH
        right = [job.data.next_rows().tolist() for _ in range(3 * EXAMPLES // BATCH)]
    if len(rows) != len(right):
        raise ValueError("all batches are needed")
    first = next((i for i, (a, b) in enumerate(zip(rows, right)) if a != b), None)
    return "none" if first is None else "in this pass" if first < left else "in the next pass"


# Question 3: the rollback, in a run small enough to compare every step.

TINY = RunConfig(
    model=ModelConfig(layers=1, width=16, heads=2, context=16), optimizer="sgd", lr=0.1, warmup_steps=4, batch_size=2, steps=20
)
MOST_CALLS = 60


class Endless(Exception):
    """A run asked about far more steps than it has."""


class Judge:
    """Calls some steps bad, and remembers which it was asked about.

    Raises:
        Endless: after ``MOST_CALLS`` questions.
    """

    def __init__(self, bad: Sequence[int]):
        self.bad = frozenset(bad)
        self.asked: list[int] = []

    def __call__(self, record: StepRecord) -> bool:
        self.asked.append(record.step)
        if len(self.asked) > MOST_CALLS:
            raise Endless("the run does not come to an end: a bad step is taken again and again")
        return record.step in self.bad


def rolled_back(rollback, rng, bad: Sequence[int], every: int, **changes) -> dict[str, Any]:
    """What a run with some bad steps comes to: its log, and a sample of the last weights."""
    injections = (Injection("repeated_byte", tuple(bad)),) if bad else ()
    trainer = Trainer(TINY.replace(seed=rng.randrange(10**6), injections=injections, **changes))
    judge = Judge(bad)
    try:
        records = rollback(trainer, judge, every, rng.uniform(0.3, 0.7))
    except Endless:
        return {"without end": judge.asked[:MOST_CALLS]}
    weights = torch.cat([p.detach().flatten() for p in trainer.parameters])[::173]
    return {
        "steps": [record.step for record in records],
        "rates": [record.lr for record in records],
        "losses": [record.loss for record in records],
        "weights": weights,
        "asked": judge.asked,
    }


def trains_on_when_nothing_is_bad(rollback, rng):
    return rolled_back(rollback, rng, (), rng.randint(3, 6))


def goes_back_and_skips(rollback, rng):
    every = rng.randint(4, 6)
    return rolled_back(rollback, rng, (2 * every + rng.randint(1, every - 2),), every)


def goes_back_before_the_first_checkpoint_is_due(rollback, rng):
    return rolled_back(rollback, rng, (rng.randint(1, 3),), rng.randint(6, 8))


def rolls_back_twice(rollback, rng):
    every = rng.randint(4, 5)
    return rolled_back(rollback, rng, (every + 1, 3 * every + rng.randint(1, 2)), every)


def rides_out_bad_steps_in_a_row(rollback, rng):
    every = rng.randint(4, 5)
    first = 2 * every + rng.randint(0, 1)
    return rolled_back(rollback, rng, (first, first + 1, first + 2), every)


def never_saves_a_bad_state(rollback, rng):
    every = rng.randint(4, 5)
    due = 2 * every - 1  # a checkpoint is due after this very step
    return rolled_back(rollback, rng, (due, due + 2), every)


def restores_when_the_last_step_is_bad(rollback, rng):
    return rolled_back(rollback, rng, (TINY.steps - 1,), rng.choice([6, 7]))


def restores_the_optimizer_too(rollback, rng):
    every = rng.randint(4, 6)
    return rolled_back(rollback, rng, (2 * every + 2,), every, optimizer="adam", lr=3e-3)


_ROLLBACK_RTOL = 1e-3

QUESTIONS = {
    "monitor": Question(
        target="StabilityMonitor",
        probes=(
            Probe(
                notices_every_number_that_is_not_finite,
                "The nonfinite alarm must sound at every step whose loss or grad_norm is inf or NaN, and at no other.",
                draw=lambda rng: told(broken_streams(rng)),
                settle=which_were_missed,
            ),
            monitored(
                notices_bad_batches,
                "spike",
                (
                    f"The spike alarm must sound within {SPIKE_WITHIN} steps of the first bad batch, and at most {BUDGET} times "
                    "when nothing is wrong."
                ),
            ),
            monitored(
                notices_what_the_loss_does_not_show,
                "spike",
                (
                    "The spike alarm must notice a gradient hundreds of times too large, although the loss is as usual and "
                    "clipping has cut it to the limit."
                ),
            ),
            monitored(
                works_at_any_scale,
                "spike",
                (
                    "Gradient norms have no natural scale: the spike alarm must work as well when all norms of a run are 50 "
                    "times larger or smaller."
                ),
            ),
            monitored(
                notices_a_second_spike,
                "spike",
                "A spike must not hide the next one: eight to twelve steps later the spike alarm must sound again.",
            ),
            monitored(
                keeps_watching_after_nan,
                "spike",
                "A few inf or NaN among the last steps must neither silence the spike alarm nor set it off at calm steps.",
            ),
            monitored(
                notices_constant_clipping,
                "firing_rate",
                (
                    f"The firing_rate alarm must sound within {FIRING_WITHIN} steps once clipping fires at every step, and at "
                    f"most {BUDGET} times while it fires now and then."
                ),
            ),
            monitored(
                notices_updates_that_are_too_large,
                "update_ratio",
                (
                    f"The update_ratio alarm must sound within {RATIO_WITHIN} steps of the first ratio above {HOT_RATIO}, and "
                    "hardly ever in a calm run, whose warmup included."
                ),
            ),
            Probe(
                keeps_two_runs_apart,
                "Two monitors that watch two runs at the same time must not know of each other.",
                draw=lambda rng: told(two_streams(rng)),
                settle=each_on_its_own,
            ),
        ),
    ),
    "checkpoint": Question(
        target="Checkpoint",
        probes=(
            resumed(
                continues_in_a_fresh_job,
                (
                    "Restored into a fresh job, the checkpoint must give the same losses and weights as the job that was never "
                    "interrupted."
                ),
            ),
            resumed(
                goes_back_after_training_on,
                "A checkpoint must stay as it was while the job trains on: restoring it brings back the moment of saving.",
            ),
            resumed(
                can_be_restored_twice, "A checkpoint must be usable more than once: training after a restore must not change it."
            ),
            resumed(
                saving_disturbs_nothing,
                (
                    "Taking a checkpoint must not change the job, its random state or its data, and the checkpoint must still "
                    "restore all of them."
                ),
            ),
            resumed(
                survives_a_file,
                "state must go through torch.save and torch.load with their default settings, and restore as well.",
            ),
            Probe(
                hands_out_the_same_rows,
                "After restoring, the data must hand out the very batches that were next, in this pass and in the later ones.",
                settle=the_first_other_batch,
            ),
        ),
    ),
    "rollback": Question(
        target="train_with_rollback",
        probes=(
            Probe(
                trains_on_when_nothing_is_bad,
                "Where no step is bad, the run must be the plain one: every step once, at the scheduled rates.",
                rtol=_ROLLBACK_RTOL,
            ),
            Probe(
                goes_back_and_skips,
                (
                    "At a bad step restore the last checkpoint, multiply the rate by lr_factor, and go on with the step after "
                    "the bad one."
                ),
                rtol=_ROLLBACK_RTOL,
            ),
            Probe(
                goes_back_before_the_first_checkpoint_is_due,
                "There must be a checkpoint from before the first step, for a bad step that comes early.",
                rtol=_ROLLBACK_RTOL,
            ),
            Probe(
                rolls_back_twice,
                "A second rollback must use a newer checkpoint, and multiply the rate once more.",
                rtol=_ROLLBACK_RTOL,
            ),
            Probe(
                rides_out_bad_steps_in_a_row,
                "Bad steps in a row: each goes back to the same checkpoint, lowers the rate again, and is skipped.",
                rtol=_ROLLBACK_RTOL,
            ),
            Probe(
                never_saves_a_bad_state,
                "A checkpoint that is due after a bad step must not be taken: its weights have seen the bad batch.",
                rtol=_ROLLBACK_RTOL,
            ),
            Probe(
                restores_when_the_last_step_is_bad,
                "If the last step is bad, the weights must end as the last checkpoint has them.",
                rtol=_ROLLBACK_RTOL,
            ),
            Probe(
                restores_the_optimizer_too,
                "Going back takes the optimizer's state as well as the weights, under Adam above all.",
                rtol=_ROLLBACK_RTOL,
            ),
        ),
    ),
    "quiz_first_alarm": quiz("answer_first_alarm"),
    "quiz_rule": quiz("answer_rule"),
    "quiz_resume": quiz("answer_resume"),
    "quiz_cause": quiz("answer_cause"),
}
