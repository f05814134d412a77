"""The probe: engines with a copy of a run's state, so that reading does not change the run.

Everything that a page can show comes from here as a named array: `value:`, `grad:` or `delta:`
(the change by the last update) of a site or parameter, `m:` or `v:` of a parameter (moments).
"""

from __future__ import annotations

import math
import random
from array import array as flat_array
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from glassgpt.analysis.comparison import Parting, parting
from glassgpt.analysis.explain import (
    Explanation,
    GradientCheck,
    explain,
    gradient_check,
    pass_through,
)
from glassgpt.arrays import Array, array, numbers, shape, zeros
from glassgpt.engines import Engine, create
from glassgpt.model.activations import sites
from glassgpt.model.config import Config, Sampling
from glassgpt.model.parameters import shapes
from glassgpt.model.sampling import Draw, probabilities
from glassgpt.model.state import State
from glassgpt.model.tokenizer import Tokenizer
from glassgpt.training.samples import draw_samples, text_of

KINDS = ("value", "grad", "delta", "m", "v")
EXACT_CELLS = 65_536  # larger arrays are sent as float32
LARGEST = 512  # cells along a side of a parameter that fit on a screen


@dataclass(frozen=True, slots=True)
class Sampled:
    """One text, the probability that it was drawn with, and whether it ended with BOS."""

    text: str
    probability: float
    ended: bool


@dataclass(frozen=True, slots=True)
class Spelled:
    """One text draw by draw: (draws, V) arrays, and the `points` the draws fell on, (draws,)."""

    text: str
    tokens: list[int]
    arrays: dict[str, Array]


class Probe:
    """The probe of a model of `config` and `tokenizer`, computed by `engine`."""

    def __init__(self, engine: str, config: Config, tokenizer: Tokenizer) -> None:
        self._config = config
        self._tokenizer = tokenizer
        self._mirror = create(engine, config, tokenizer.vocab_size)
        self._writer = create(engine, config, tokenizer.vocab_size)
        self._sites = {site.name for site in sites(config)}
        self._params = set(shapes(config, tokenizer.vocab_size))

    def values(self) -> list[str]:
        """Return the names of all values, the first things that a page shows."""
        return [f"value:{name}" for name in (*sorted(self._sites), *sorted(self._params))]

    def knows(self, name: str) -> bool:
        """Return whether `name` can be watched."""
        kind, rest, _ = _parts(name)
        return kind in KINDS and (rest in self._params or (rest in self._sites and len(kind) > 1))

    def look(
        self,
        names: Sequence[str],
        state: State,
        before: Mapping[str, Array] | None,
        tokens: Sequence[int],
    ) -> dict[str, memoryview[Any]]:
        """Return the arrays of these `names` at `state`, when the document is `tokens`.

        A `delta:` is left out if the parameters `before` the last update are not known. A parameter
        larger than a screen is reduced; `value:wte[3,5]` is one exact cell of it.
        """
        sources = self._sources(names, state, before, tokens)
        seen = {}
        for name in names:
            kind, rest, index = _parts(name)
            if kind not in sources or rest not in sources[kind]:
                continue
            a = sources[kind][rest]
            if index:
                if _inside(index, shape(a)):
                    seen[name] = array([a[index]], ())
            else:
                seen[name] = narrowed(reduced(a) if rest in self._params else a)
        return seen

    def part(self, ours: State, theirs: State, tokens: Sequence[int]) -> Parting:
        """Return where two states differ on the document `tokens`."""
        return parting(self._mirror, self._config, ours, theirs, tokens)

    def _sources(
        self,
        names: Sequence[str],
        state: State,
        before: Mapping[str, Array] | None,
        tokens: Sequence[int],
    ) -> dict[str, Mapping[str, Array]]:
        wanted = {name.partition(":")[0] for name in names}
        inside = any(_parts(name)[1] in self._sites for name in names)
        sources: dict[str, Mapping[str, Array]] = {
            "value": state.params,
            "m": state.m,
            "v": state.v,
        }
        old: Mapping[str, Array] = {}
        if "delta" in wanted and before is not None and inside:
            self._mirror.load(State(before, state.m, state.v))  # forward does not use moments
            old = self._mirror.forward(tokens)
        if inside or "grad" in wanted:
            self._mirror.load(state)
            sources["value"] = {**state.params, **self._mirror.forward(tokens)}
        if "grad" in wanted:
            gradients = self._mirror.backward()
            sources["grad"] = {**gradients.params, **gradients.sites}
        if "delta" in wanted and before is not None:
            old = {**before, **old}
            asked = {_parts(name)[1] for name in names if name.startswith("delta:")}
            sources["delta"] = {
                name: difference(sources["value"][name], old[name]) for name in asked
            }
        return sources

    def explain(
        self, address: str, config: Config, step: int, state: State, tokens: Sequence[int]
    ) -> tuple[Explanation, GradientCheck | None]:
        """Return the explanation of a number; of a weight also the check of its gradient.

        `config` has the current live settings. Raises `AddressError` if the model has no such
        number.
        """
        passed = pass_through(self._mirror, config, self._tokenizer, step, state, tokens)
        explanation = explain(passed, address)
        if explanation.update is None:
            return explanation, None
        return explanation, gradient_check(self._mirror, passed, passed.address(address))

    # -- writing

    def write(self, state: State, sampling: Sampling, rng: random.Random) -> Iterator[Sampled]:
        """Yield texts drawn from `state`, one for each `next`; `rng` advances with each draw."""
        self._writer.load(state)
        yield from sampled(self._writer, self._tokenizer, self._config, sampling, rng)

    def spell(self, state: State, sampling: Sampling, rng: random.Random, index: int) -> Spelled:
        """Return sample number `index` of `write`, draw by draw; does not affect `write`."""
        self._mirror.load(state)
        witness = _Witness()
        witness.setstate(rng.getstate())
        drawn: list[Draw] = []
        samples = draw_samples(self._mirror, self._tokenizer, self._config, sampling, witness)
        for number, draws in enumerate(samples):
            witness.points.clear()
            drawn = list(draws)
            if number == index:
                break
        tokens = [draw.token for draw in drawn]
        text = [self._tokenizer.bos, *self._tokenizer.encode(sampling.prefix), *tokens]
        first = len(text) - len(tokens)
        logits = [numbers(self._mirror.logits(text[: first + i])) for i in range(len(tokens))]
        wide = (len(tokens), self._tokenizer.vocab_size)
        plain = [probabilities(row, 1.0) for row in logits]
        return Spelled(
            text_of(drawn, self._tokenizer, sampling.prefix),
            tokens,
            {
                "logits": array(_all(logits), wide),
                "plain": array(_all(plain), wide),
                "probs": array(_all(draw.probs for draw in drawn), wide),
                "points": array(witness.points, (len(tokens),)),
            },
        )


def sampled(
    engine: Engine, tokenizer: Tokenizer, config: Config, sampling: Sampling, rng: random.Random
) -> Iterator[Sampled]:
    """Yield texts drawn from what is loaded into `engine`."""
    for draws in draw_samples(engine, tokenizer, config, sampling, rng):
        drawn = list(draws)
        yield Sampled(
            text_of(drawn, tokenizer, sampling.prefix),
            math.prod(draw.probs[draw.token] for draw in drawn),
            drawn[-1].token == tokenizer.bos,
        )


class _Witness(random.Random):
    """A generator that remembers the points it gave."""

    def __init__(self) -> None:
        super().__init__()
        self.points: list[float] = []

    def random(self) -> float:
        point = super().random()
        self.points.append(point)
        return point


def difference(new: Array, old: Array) -> Array:
    """Return new − old; what is masked (−∞) in both stays −∞."""
    if not new.nbytes:
        return zeros(shape(new))
    pairs = zip(numbers(new), numbers(old), strict=True)
    return array((a if a == b == -math.inf else a - b for a, b in pairs), shape(new))


def reduced(a: Array) -> Array:
    """Return `a` with at most `LARGEST` cells along a side, each the largest of its block of cells.

    Largest in magnitude; the sign is kept, so each is a number of the model.
    """
    rows, cols = shape(a)
    down, across = -(-rows // LARGEST), -(-cols // LARGEST)
    if down == across == 1:
        return a
    flat = numbers(a)
    found: list[float] = []
    for top in range(0, rows, down):
        lines = [flat[r * cols : (r + 1) * cols] for r in range(top, min(rows, top + down))]
        line = _largest(lines)
        line += [0.0] * (-cols % across)
        found += _largest([line[i::across] for i in range(across)])
    return array(found, (-(-rows // down), -(-cols // across)))


def _largest(lines: Sequence[Sequence[float]]) -> list[float]:
    """Return the number of the largest magnitude at each place of these lines."""
    if len(lines) == 1:
        return list(lines[0])
    extremes = zip(map(max, *lines), map(min, *lines), strict=True)
    return [high if high >= -low else low for high, low in extremes]


def _parts(name: str) -> tuple[str, str, tuple[int, ...]]:
    """Return kind, name and index of what is watched: `value:wte[3,5]`."""
    kind, _, rest = name.partition(":")
    rest, _, index = rest.partition("[")
    places = index.removesuffix("]").split(",") if index else []
    return kind, rest, tuple(int(i) if i.isdecimal() else -1 for i in places)


def _inside(index: Sequence[int], size: Sequence[int]) -> bool:
    return len(index) == len(size) and all(0 <= i < n for i, n in zip(index, size, strict=True))


def narrowed(a: Array) -> memoryview[Any]:
    """Return `a`, as float32 if it is too large for a screen to show every bit of it."""
    if a.nbytes <= 8 * EXACT_CELLS:
        return a
    narrow = memoryview(flat_array("f", numbers(a))).cast("B")
    return narrow.cast("f", shape=shape(a))


def _all(rows: Iterable[Sequence[float]]) -> Iterator[float]:
    for row in rows:
        yield from row
