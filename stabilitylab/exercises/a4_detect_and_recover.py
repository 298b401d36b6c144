"""What assignment a4_detect_and_recover asks: a monitor judged on recorded runs, a checkpoint that resumes bit for bit, and a
rollback."""

from __future__ import annotations

import hashlib
import io
import math
import random
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, fields, replace
from statistics import median
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils import vector_to_parameters

from stabilitylab.exercises import Probe, Question, Tell, quiz, recorded_runs
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


# Question 1: the monitor. The learner's process is told one record at a time, and says what the monitor says to it. The streams
# are drawn, and what was said is written down and judged, where no learner's code runs: nothing there can tell where an incident
# is, or will be, but by looking at the records.

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


@dataclass(frozen=True)
class Seen:
    """What a monitor is told of a step: as in the record of a run, nothing in it can be changed."""

    step: int
    loss: float
    grad_norm: float
    clipped_norm: float
    clipped: bool
    update_ratio: float


class Feed:
    """The partner of a monitor: hands out streams record by record, and writes down what is said to each.

    Args:
        streams: what the monitors watch.
        judge: from what was said to each stream, as [position, alarm] pairs, to what is compared.
    """

    def __init__(self, streams: Sequence[Stream], judge: Callable[[list[list[list[Any]]]], Any]):
        self.streams, self.judge = streams, judge
        self.said: list[list[list[Any]]] = [[] for _ in streams]
        self.shown = [0 for _ in streams]

    def reply(self, message: Any) -> list[Any] | None:
        """From (which stream, the alarms at its last record) to its next record as plain data; None at its end."""
        which, alarms = message
        if type(which) is not int or not 0 <= which < len(self.streams) or not isinstance(alarms, list):
            raise ValueError("a message is the number of a stream and a list of alarms")
        for name in alarms:
            if name not in ALARMS:
                raise ValueError(f"{str(name)[:50]!r} is no alarm; they are {', '.join(ALARMS)}")
            self.said[which].append([self.shown[which] - 1, name])
        records = self.streams[which].records
        if self.shown[which] == len(records):
            return None
        self.shown[which] += 1
        return [getattr(records[self.shown[which] - 1], column.name) for column in fields(Seen)]

    def settle(self, answer: Any) -> Any:
        if any(shown < len(stream.records) for shown, stream in zip(self.shown, self.streams)):
            raise ValueError("not all records were looked at")
        return self.judge(self.said)


def listen(monitor: Any, which: int, tell: Tell) -> None:
    """Shows one stream to one monitor."""
    row = tell([which, []])
    while row is not None:
        row = tell([which, names(monitor.observe(Seen(*row)))])


class NotAList(ValueError):
    """A monitor returned a string."""


class Nothing(ValueError):
    """A monitor returned None."""


def names(returned: Any) -> list[str]:
    """The alarms that a monitor returned, in any kind of collection.

    Raises:
        NotAList: if it is a string, whose elements are letters.
        Nothing: if it is None.
    """
    if returned is None:
        raise Nothing("observe returned nothing; return a list of names, empty if nothing is wrong")
    if isinstance(returned, str):
        raise NotAList("observe returned a string; return a list of names, empty if nothing is wrong")
    return [str(name) for name in returned]


def verdict(stream: Stream, heard: Any, alarm: str) -> dict[str, Any]:
    """How well an alarm did on a stream, in words that any two good rules share."""
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

    def ask(monitor, count, tell):
        for which in range(count):
            listen(monitor(), which, tell)

    def partner(rng, secret):
        drawn = streams(secret)
        return Feed(drawn, lambda said: [verdict(stream, heard, alarm) for stream, heard in zip(drawn, said)])

    ask.__name__ = streams.__name__
    return Probe(ask, sentence, draw=lambda rng: len(streams(rng)), partner=partner)


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


def clips_now_and_then(rng: random.Random) -> Stream:
    """Two calm pieces, as long as the stream in which clipping begins to fire at every step."""
    records = numbered(rng, stretch(rng, CALM_SGD, 74, 78, first=(78, 82)) + stretch(rng, CALM_SGD, 74, 78, first=(78, 82)))
    return Stream(records, (), frozenset(range(len(records))))


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


def notices_every_number_that_is_not_finite(monitor, count, tell):
    for which in range(count):
        listen(monitor(), which, tell)


def which_were_missed(streams: Sequence[Stream], heard: list[list[list[Any]]]) -> dict[str, Any]:
    """Which kinds of broken numbers no nonfinite alarm told of, and whether one sounded without any."""
    missed, false = set(), 0
    for stream, said in zip(streams, heard, strict=True):
        alarmed = {position for position, name in said if name == "nonfinite"}
        for i, record in enumerate(stream.records):
            what = {name: str(x) for name, x in (("loss", record.loss), ("norm", record.grad_norm)) if not math.isfinite(x)}
            if what and i not in alarmed:
                missed.add(" ".join(f"{name} {value}" for name, value in what.items()))
            false += not what and i in alarmed
    return {"missed": sorted(missed), "false": "none" if not false else "some"}


def watching_for_broken_numbers(rng, secret):
    streams = broken_streams(secret)
    return Feed(streams, lambda heard: which_were_missed(streams, heard))


def side_by_side(rng: random.Random) -> list[tuple[Stream, str]]:
    """Runs that are watched at the same time, with the alarm that is judged: two whose gradient norms are far apart, and two of
    which one is clipped all the time in the end."""
    spiking = [with_spike(rng, CALM_SGD, BAD_SGD, 10 ** rng.uniform(*range_)) for range_ in ((-2, -1.6), (1.6, 2))]
    clipped = [*notices_constant_clipping(rng), clips_now_and_then(rng)]
    return [(stream, "spike") for stream in spiking] + [(stream, "firing_rate") for stream in clipped]


def keeps_two_runs_apart(monitor, count, tell):
    monitors = [monitor() for _ in range(count)]
    rows = [tell([which, []]) for which in range(count)]
    while any(row is not None for row in rows):
        for which, watching in enumerate(monitors):
            if rows[which] is not None:
                rows[which] = tell([which, names(watching.observe(Seen(*rows[which])))])


def each_on_its_own(rng, secret):
    watched = side_by_side(secret)
    return Feed(
        [stream for stream, _ in watched],
        lambda heard: [verdict(stream, said, alarm) for (stream, alarm), said in zip(watched, heard)],
    )


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

    def job(self, owned: dict[str, Any], steps: int) -> Job:
        """A job trained for some steps.

        Args:
            owned: what an ``Owner`` hands out once: the first weights, all in one row, and how many random numbers were drawn
                before. No seed gives them, so that what was not saved cannot be worked out again.
            steps: how many.
        """
        torch.manual_seed(self.seed)
        job = Job(self.seed)
        with torch.no_grad():
            vector_to_parameters(torch.tensor(owned["weights"]), job.model.parameters())
        for generator in (torch.default_generator, job.data.generator):
            torch.rand(owned["drawn"], generator=generator)
        job.data.order = torch.randperm(EXAMPLES, generator=job.data.generator)
        job.train(steps)
        return job

    def other(self, number: int = 1) -> Job:
        """A fresh job in a fresh process, as it were: other weights, another order, another random state."""
        torch.manual_seed(self.seed + number)
        return Job(self.seed + number)


def seen(job: Job, steps: int) -> dict[str, Any]:
    """A job as it is now, the losses of its next steps, and the job after them."""
    return {"at": job.step, "now": snapshot(job), "losses": job.train(steps), "then": snapshot(job)}


def uninterrupted(plan: Plan, owned: dict[str, Any], steps: int) -> dict[str, Any]:
    """What a job does that was never saved, after so many steps. Runs where no learner's code ever ran."""
    with torch.random.fork_rng(devices=[]):
        return seen(plan.job(owned, steps), plan.after)


def beside(job: Job) -> dict[str, Any]:
    """What a checkpoint has no business with, of a job and of its process."""
    return {
        "gradients": [p.grad if p.grad is None else p.grad.tolist() for p in job.model.parameters()],
        "training mode": [module.training for module in job.model.modules()],
        "learning rate": [group["lr"] for group in job.optimizer.param_groups],
        "examples": [job.data.inputs.tolist(), job.data.targets.tolist()],
        "Python's random state": repr(random.getstate()),
    }


def close(a: Any, b: Any) -> bool:
    """Whether two snapshots' parts are the same; a last bit may differ between processes, a mistake differs by far more."""
    if isinstance(b, list):
        return isinstance(a, list) and len(a) == len(b) and all(close(x, y) for x, y in zip(a, b))
    if isinstance(b, float):
        return isinstance(a, (int, float)) and math.isclose(a, b, rel_tol=1e-5, abs_tol=1e-7)
    return type(a) is type(b) and a == b


def difference(job: Any, right: dict[str, Any]) -> dict[str, Any]:
    """Which parts of a resumed job are not the uninterrupted one's, and the first step whose loss is another."""

    def wrong(when: str) -> list[str]:
        return [part for part in right[when] if not close(job[when][part], right[when][part])]

    if len(job["losses"]) != len(right["losses"]):
        raise ValueError("the losses of all steps are needed")
    first = next((i for i, (a, b) in enumerate(zip(job["losses"], right["losses"])) if not close(a, b)), None)
    return {"differs at once": wrong("now"), "differs later": wrong("then"), "first other loss": first}


class Owner:
    """The partner of a checkpoint: knows the job's first weights, and what the job does that is never interrupted."""

    def __init__(self, rng: random.Random, secret: random.Random):
        self.plan = Plan.draw(rng)
        count = sum(p.numel() for p in Job(0).model.parameters())
        self.owned = {"weights": [secret.gauss(0, 0.5) for _ in range(count)], "drawn": secret.randrange(10**4)}
        self.handed_out = False

    def reply(self, message: Any) -> dict[str, Any]:
        """What the job begins with, once: later there is no other way to it than through what was saved."""
        if self.handed_out:
            raise ValueError("the job was handed out before")
        self.handed_out = True
        return self.owned

    def settle(self, given: Any) -> Any:
        """The difference of each resumed job; then the parts alike in all."""
        rights = {steps: uninterrupted(self.plan, self.owned, steps) for steps in self.moments()}
        right = [rights[steps] for steps in self.moments()]
        if len(given) != len(right):
            raise ValueError("all jobs are needed")
        # what is the same in two jobs and still wrong was set by the restore, and not left as it was
        alike = [part for part in right[0]["now"] if all(close(job["now"][part], given[0]["now"][part]) for job in given)]
        disturbed = [job.get("disturbed") for job in given]
        return [difference(*both) for both in zip(given, right)] + [{"alike": alike, "disturbed": disturbed}]

    def moments(self) -> list[int]:
        """For each job of the answer, after how many steps it was saved."""
        raise NotImplementedError


def resumed(use: Callable[[Any, Plan, Job], list[dict[str, Any]]], sentence: str, moments: Callable[[Plan], list[int]]) -> Probe:
    """A probe that saves and restores a job, and compares with one that was never saved."""

    class Owns(Owner):
        def moments(self) -> list[int]:
            return moments(self.plan)

    def ask(checkpoint, rng, tell):
        with torch.random.fork_rng(devices=[]):
            plan = Plan.draw(rng)
            return use(checkpoint, plan, plan.job(tell("start"), moments(plan)[0]))

    ask.__name__ = use.__name__
    return Probe(ask, sentence, partner=Owns)


def once(plan: Plan) -> list[int]:
    return [plan.before]


def twice(plan: Plan) -> list[int]:
    return [plan.before, plan.before]


def early_and_late(plan: Plan) -> list[int]:
    return [0, plan.lost, 0]


def continues_in_a_fresh_job(checkpoint, plan, job):
    saved = checkpoint(job)
    job = plan.other()
    saved.restore(job)
    return [seen(job, plan.after)]


def goes_back_after_training_on(checkpoint, plan, job):
    saved = checkpoint(job)
    job.train(plan.lost)
    saved.restore(job)
    return [seen(job, plan.after)]


def can_be_restored_twice(checkpoint, plan, job):
    saved = checkpoint(job)
    runs = []
    for number in (1, 2):
        job = plan.other(number)
        saved.restore(job)
        runs.append(seen(job, plan.after))
    return runs


def saving_disturbs_nothing(checkpoint, plan, job):
    random.random()  # so that Python's random state is none that a seed gives
    before = beside(job)
    for _ in range(3):
        saved = checkpoint(job)
    after = beside(job)
    disturbed = [name for name in before if before[name] != after[name]]
    runs = [seen(job, plan.after) | {"disturbed": disturbed}]
    job = plan.other()
    saved.restore(job)
    return [*runs, seen(job, plan.after)]


def survives_a_file(checkpoint, plan, job):
    file = io.BytesIO()
    torch.save(checkpoint(job).state, file)
    file.seek(0)
    saved = checkpoint(plan.other(2))
    saved.state = torch.load(file)  # reads plain data only, by default
    job = plan.other()
    saved.restore(job)
    return [seen(job, plan.after)]


def keeps_two_checkpoints_apart(checkpoint, plan, job):
    early = checkpoint(job)
    job.train(plan.lost)
    late = checkpoint(job)
    runs = []
    for number, saved in enumerate((early, late, early), start=1):
        job = plan.other(number)
        job.train(number)  # what it holds by now must go
        saved.restore(job)
        runs.append(seen(job, plan.after))
    return runs


def hands_out_the_same_rows(checkpoint, rng, tell):
    plan = Plan.draw(rng)
    with torch.random.fork_rng(devices=[]):
        saved = checkpoint(plan.job(tell("start"), plan.before))
        job = plan.other()
        saved.restore(job)
        return [job.data.next_rows().tolist() for _ in range(3 * EXAMPLES // BATCH)]


class OwnerOfTheData(Owner):
    """The same, for the batches that a restored job hands out."""

    def settle(self, rows: Any) -> Any:
        """Where the first other batch is."""
        with torch.random.fork_rng(devices=[]):
            job = self.plan.job(self.owned, self.plan.before)
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
    """The partner of a rollback: calls some steps bad when it is asked about them, and writes down what it was asked."""

    def __init__(self, bad: Sequence[int]):
        self.bad = frozenset(bad)
        self.asked: list[list[Any]] = []

    def reply(self, message: Any) -> bool:
        """From (step, loss, rate) of a record to whether it is bad."""
        step, loss, lr = message
        if len(self.asked) == MOST_CALLS:
            raise ValueError("the run does not come to an end")
        self.asked.append([step, loss, lr])
        return step in self.bad

    def settle(self, answer: Any) -> Any:
        """What came back, and what was asked."""
        return [answer, self.asked]


@dataclass(frozen=True)
class Journey:
    """A run with some bad steps.

    Attributes:
        every: steps between two checkpoints.
        bad: steps that are bad; the learner's process learns of each when it asks, and nothing in its data is bad.
        changes: to the settings of ``TINY``.
    """

    every: int
    bad: tuple[int, ...] = ()
    changes: dict[str, Any] = field(default_factory=dict)


def rolled_back(journey: Callable[[random.Random], Journey], sentence: str) -> Probe:
    """A probe of one journey: its log, a sample of the last weights, and what was asked about which step."""

    def draw(rng):
        journeyed = journey(rng)
        return {
            "every": journeyed.every,
            "changes": journeyed.changes,
            "seed": rng.randrange(10**6),
            "factor": rng.uniform(0.3, 0.7),
        }

    def ask(rollback, drawn, tell):
        trainer = Trainer(TINY.replace(seed=drawn["seed"], **drawn["changes"]))
        asked = 0

        def is_bad(record):
            nonlocal asked
            asked += 1
            if asked > MOST_CALLS:
                raise Endless("the run does not come to an end: a bad step is taken again and again")
            return tell([record.step, record.loss, record.lr])

        try:
            records = rollback(trainer, is_bad, drawn["every"], drawn["factor"])
        except Endless:
            return "without end"
        if not isinstance(records, Iterable):
            return "nothing" if records is None else "no list"
        records = list(records)
        weights = torch.cat([p.detach().flatten() for p in trainer.parameters])[::173]
        return {
            "steps": [record.step for record in records],
            "rates": [record.lr for record in records],
            "losses": [record.loss for record in records],
            "weights": weights,
        }

    ask.__name__ = journey.__name__
    return Probe(ask, sentence, rtol=1e-3, draw=draw, partner=lambda rng, secret: Judge(journey(rng).bad))


def trains_on_when_nothing_is_bad(rng):
    return Journey(rng.randint(3, 6))


def goes_back_and_skips(rng):
    every = rng.randint(4, 6)
    return Journey(every, (2 * every + rng.randint(1, every - 2),))


def goes_back_before_the_first_checkpoint_is_due(rng):
    return Journey(rng.randint(6, 8), (rng.randint(0, 3),))


def rolls_back_twice(rng):
    every = rng.randint(4, 5)
    return Journey(every, (every + 1, 3 * every + rng.randint(1, 2)))


def rides_out_bad_steps_in_a_row(rng):
    every = rng.randint(4, 5)
    first = 2 * every + rng.randint(0, 1)
    return Journey(every, (first, first + 1, first + 2))


def never_saves_a_bad_state(rng):
    every = rng.randint(4, 5)
    due = 2 * every - 1  # a checkpoint is due after this very step
    return Journey(every, (due, due + 2))


def restores_when_the_last_step_is_bad(rng):
    return Journey(rng.choice([6, 7]), (TINY.steps - 1,))


def restores_the_optimizer_too(rng):
    every = rng.randint(4, 6)
    return Journey(every, (2 * every + 2,), {"optimizer": "adam", "lr": 3e-3})


QUESTIONS = {
    "monitor": Question(
        target="StabilityMonitor",
        probes=(
            Probe(
                notices_every_number_that_is_not_finite,
                "The nonfinite alarm must sound at every step whose loss or grad_norm is inf or NaN, and at no other.",
                draw=lambda rng: len(broken_streams(rng)),
                partner=watching_for_broken_numbers,
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
                "Monitors that watch several runs at the same time must not know of each other: they may share nothing.",
                draw=lambda rng: len(side_by_side(rng)),
                partner=each_on_its_own,
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
                once,
            ),
            resumed(
                goes_back_after_training_on,
                "A checkpoint must stay as it was while the job trains on: restoring it brings back the moment of saving.",
                once,
            ),
            resumed(
                can_be_restored_twice,
                "A checkpoint must be usable more than once: training after a restore must not change it.",
                twice,
            ),
            resumed(
                saving_disturbs_nothing,
                (
                    "Taking a checkpoint must not change the job, its random state or its data, and the checkpoint must still "
                    "restore all of them."
                ),
                twice,
            ),
            resumed(
                survives_a_file,
                (
                    "state must go through torch.save and torch.load with their default settings, and restore as well from the "
                    "state attribute of another checkpoint: nothing may be kept outside it."
                ),
                once,
            ),
            resumed(
                keeps_two_checkpoints_apart,
                (
                    "Two checkpoints of one job, one from before its first step and one from later, must each bring back their "
                    "own moment, in any order, and into jobs that have trained."
                ),
                early_and_late,
            ),
            Probe(
                hands_out_the_same_rows,
                "After restoring, the data must hand out the very batches that were next, in this pass and in the later ones.",
                partner=OwnerOfTheData,
            ),
        ),
    ),
    "rollback": Question(
        target="train_with_rollback",
        probes=(
            rolled_back(
                trains_on_when_nothing_is_bad,
                "Where no step is bad, the run must be the plain one: every step once, at the scheduled rates.",
            ),
            rolled_back(
                goes_back_and_skips,
                (
                    "At a bad step restore the last checkpoint, multiply the rate by lr_factor, and go on with the step after "
                    "the bad one."
                ),
            ),
            rolled_back(
                goes_back_before_the_first_checkpoint_is_due,
                "There must be a checkpoint from before the first step, for a bad step that comes early.",
            ),
            rolled_back(
                rolls_back_twice,
                "A second rollback must use a newer checkpoint, and multiply the rate once more.",
            ),
            rolled_back(
                rides_out_bad_steps_in_a_row,
                "Bad steps in a row: each goes back to the same checkpoint, lowers the rate again, and is skipped.",
            ),
            rolled_back(
                never_saves_a_bad_state,
                "A checkpoint that is due after a bad step must not be taken: its weights have seen the bad batch.",
            ),
            rolled_back(
                restores_when_the_last_step_is_bad,
                "If the last step is bad, the weights must end as the last checkpoint has them.",
            ),
            rolled_back(
                restores_the_optimizer_too,
                "Going back takes the optimizer's state as well as the weights, under Adam above all.",
            ),
        ),
    ),
    "quiz_first_alarm": quiz("answer_first_alarm"),
    "quiz_rule": quiz("answer_rule"),
    "quiz_resume": quiz("answer_resume"),
    "quiz_cause": quiz("answer_cause"),
}
