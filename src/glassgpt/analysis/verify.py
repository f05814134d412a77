"""Check against the reference engine: trains an engine and the scalar engine, and compares them.

If the settings and documents are those of the recorded run of microgpt.py, the scalar engine is
also compared with that record: its losses and samples are in the package (`microgpt.json`).
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources

from glassgpt.arrays import Array, numbers, shape, unravel
from glassgpt.data.documents import fingerprint
from glassgpt.engines import create
from glassgpt.model.config import Config, Sampling
from glassgpt.model.state import State
from glassgpt.training.recipe import Recipe
from glassgpt.training.session import Session

ROUNDING = 1e-10  # the most that the order of additions may change losses and weights
RECORD = "microgpt.py"
EVERY = 10  # steps between two comparisons of all weights, moments and gradients
SAMPLES = Sampling()  # as microgpt.py draws: 20 at temperature 0.5


@dataclass(frozen=True, slots=True)
class Gap:
    """The largest difference between `one` and `other` in a quantity.

    For gradients it is a share of the largest in the same array; for texts it is 1 if they differ.
    """

    quantity: str
    one: str
    other: str
    compared: int = 0
    largest: float = 0.0
    where: str = ""  # the step, or the address, of the largest difference

    @property
    def holds(self) -> bool:
        """Whether the difference is only rounding."""
        return self.largest <= ROUNDING  # False for NaN

    def widened(self, pairs: Iterator[tuple[str, float, float]]) -> Gap:
        """Return the gap after comparing more pairs, each with its place and two numbers."""
        compared, largest, where = self.compared, self.largest, self.where
        for place, a, b in pairs:
            compared += 1
            distance = 0.0 if a == b else abs(a - b)
            if distance > largest or distance != distance:  # nothing is larger than NaN
                largest, where = distance, place
        return Gap(self.quantity, self.one, self.other, compared, largest, where)


@dataclass(frozen=True, slots=True)
class Record:
    """The recorded output of microgpt.py with its default settings, on data of this fingerprint."""

    data_sha256: str
    losses: tuple[float, ...]
    samples: tuple[str, ...]


@cache
def record() -> Record:
    """Return the recorded run."""
    facts = json.loads((resources.files("glassgpt") / "microgpt.json").read_text("utf-8"))
    return Record(facts["data_sha256"], tuple(facts["losses"]), tuple(facts["samples"]))


def is_recorded(config: Config, documents: Sequence[str]) -> bool:
    """Return whether this run is the recorded one."""
    return config == Config() and fingerprint(documents) == record().data_sha256


class Verification:
    """The run of `config` on `documents` by `engine` and by the scalar one, from the first step.

    `recipe` has the changes of the run. `gaps` are the largest differences so far. `steps` is the
    last step, by default that of the run. `recorded`: whether there is a record of microgpt.py.
    """

    def __init__(
        self,
        recipe: Recipe,
        documents: Sequence[str],
        engine: str,
        steps: int | None = None,
    ) -> None:
        config, last = recipe.config, recipe.config_at().num_steps
        self.steps = last if steps is None else min(steps, last)
        self._recipe = recipe
        self.step = 0
        self._names = (engine, "scalar")
        self._runs = [
            Session(config, documents, engine=name) for name in dict.fromkeys(self._names)
        ]
        size = self._runs[0].tokenizer.vocab_size
        self._mirrors = [create(run.engine.name, config, size) for run in self._runs]
        self.recorded = not recipe.interventions and is_recorded(config, documents)
        self._gaps: dict[tuple[str, str], Gap] = {}

    @property
    def gaps(self) -> list[Gap]:
        """The comparisons so far."""
        return list(self._gaps.values())

    @property
    def holds(self) -> bool:
        """Whether no difference is more than rounding."""
        return all(gap.holds for gap in self.gaps)

    def advance(self, steps: int) -> None:
        """Take more steps with both engines and compare; at the end, compare samples too."""
        start, steps = self.step, min(steps, self.steps - self.step)
        losses = [run.replay(steps, self._recipe) for run in self._runs]
        ours, theirs = losses[0], losses[-1]
        self.step += steps
        self._compare("losses", *self._names, _by_step(start, ours, theirs))
        if self.recorded:
            recorded = record().losses[start : self.step]
            self._compare("losses", "scalar", RECORD, _by_step(start, theirs, recorded))
        if self.step // EVERY > start // EVERY or self.step == self.steps:
            self._compare_states()
        if self.step == self.steps:
            self._compare_samples()

    def compare_kept(self, state: State, name: str) -> None:
        """Compare the weights saved under `name` with those reached here."""
        reached = self._runs[-1].engine.state().params
        self._compare("weights", name, "scalar", _by_address(state.params, reached))

    def _compare_states(self) -> None:
        states = [run.engine.state() for run in self._runs]
        ours, theirs = states[0], states[-1]
        groups = zip(("weights", "first moments", "second moments"), ours.groups(), theirs.groups())
        for quantity, (_, one), (_, other) in groups:
            self._compare(quantity, *self._names, _by_address(one, other))
        gradients = [self._gradients(i, state) for i, state in enumerate(states)]
        self._compare("gradients", *self._names, _shares(gradients[0], gradients[-1]))

    def _gradients(self, i: int, state: State) -> Mapping[str, Array]:
        """Return every gradient of the next step, of weights and activations."""
        mirror, run = self._mirrors[i], self._runs[i]
        mirror.load(state)
        mirror.forward(run.tokens(run.document(run.step)))
        gradients = mirror.backward()
        return {**gradients.params, **gradients.sites}

    def _compare_samples(self) -> None:
        drawn = [list(run.sample(SAMPLES)) for run in self._runs]
        ours, theirs = drawn[0], drawn[-1]
        self._compare("samples", *self._names, _by_text(ours, theirs))
        if self.recorded and self.steps == len(record().losses):
            self._compare("samples", "scalar", RECORD, _by_text(theirs, record().samples))

    def _compare(
        self, quantity: str, one: str, other: str, pairs: Iterator[tuple[str, float, float]]
    ) -> None:
        if one != other:
            gap = self._gaps.get((quantity, one + other)) or Gap(quantity, one, other)
            self._gaps[quantity, one + other] = gap.widened(pairs)


def _by_step(
    start: int, ours: Sequence[float], theirs: Sequence[float]
) -> Iterator[tuple[str, float, float]]:
    for i, (a, b) in enumerate(zip(ours, theirs, strict=True)):
        yield f"step {start + i + 1}", a, b


def _by_address(
    ours: Mapping[str, Array], theirs: Mapping[str, Array]
) -> Iterator[tuple[str, float, float]]:
    for name in ours:
        for i, (a, b) in enumerate(zip(numbers(ours[name]), numbers(theirs[name]), strict=True)):
            index = "" if a == b else ",".join(map(str, unravel(i, shape(ours[name]))))
            yield (f"{name}[{index}]" if index else name), a, b


def _shares(
    ours: Mapping[str, Array], theirs: Mapping[str, Array]
) -> Iterator[tuple[str, float, float]]:
    """Yield gradients as shares of the largest in their array: a rare token has huge ones."""
    for name, a in theirs.items():
        scale = max((abs(x) for x in numbers(a)), default=0.0) or 1.0
        for place, one, other in _by_address({name: ours[name]}, {name: a}):
            yield place, one / scale, other / scale


def _by_text(ours: Sequence[str], theirs: Sequence[str]) -> Iterator[tuple[str, float, float]]:
    for i, (a, b) in enumerate(zip(ours, theirs, strict=True)):
        yield f"sample {i + 1}: {a!r}, not {b!r}", float(a != b), 0.0
