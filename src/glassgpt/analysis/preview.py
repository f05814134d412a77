"""Preview runs: trained to the end without being displayed, in slices of time.

A preview run has other settings from step 0 on the same documents. A seed band is the spread of
the losses of the same settings over many seeds.
"""

from __future__ import annotations

import math
import time
from array import array
from collections.abc import Sequence
from dataclasses import replace
from itertools import accumulate

from glassgpt.analysis.baselines import validation_documents, validation_loss
from glassgpt.analysis.benchmark import SHORTEST
from glassgpt.errors import ConfigError, DivergenceError
from glassgpt.training.recipe import Recipe
from glassgpt.training.session import Session

MAX_SEEDS = 200
MAX_BAND = 2_000_000  # losses that a band keeps
SMOOTHED_OVER = 100  # losses, as the page smooths
POINTS = 500  # positions of a band
CHUNK = 0.01  # seconds of training between two looks at the clock
DECILE = 0.1  # the band reaches from the lowest to the highest tenth


class PreviewRun:
    """One run with its `losses` so far; `stopped` is the reason if it ended early."""

    def __init__(self, recipe: Recipe, documents: Sequence[str]) -> None:
        self.session = Session(recipe.config, documents)
        self._recipe = recipe
        self.session.follow(self._recipe)
        self.losses = array("d")
        self.stopped = ""
        self._chunk = 1
        self._began = time.perf_counter()

    @property
    def done(self) -> bool:
        """Whether the run is complete."""
        return bool(self.stopped) or not self.session.steps_left

    @property
    def seconds(self) -> float:
        """The seconds since it began."""
        return time.perf_counter() - self._began

    def go_on(self, seconds: float = math.inf) -> None:
        """Train for about `seconds`."""
        until = time.perf_counter() + seconds
        while not self.done and time.perf_counter() < until:
            began, steps = time.perf_counter(), self._steps()
            try:
                self.losses.extend(self.session.run(steps).losses)
            except DivergenceError as error:
                self.losses.extend(error.losses)
                self.stopped = error.what
            self.session.follow(self._recipe)
            each = max(SHORTEST, time.perf_counter() - began) / steps
            self._chunk = max(1, min(4 * self._chunk, int(CHUNK / each)))

    def _steps(self) -> int:
        """Return how many steps to take at a time, none of them past an intervention."""
        until_change = self._recipe.next_after(self.session.step) - self.session.step
        return int(min(self._chunk, self.session.steps_left, until_change))

    def validation_loss(self) -> float:
        """Return its validation loss; raises `DivergenceError` if that is not finite."""
        documents = self.session.token_lists(validation_documents(self.session.documents))
        return validation_loss(self.session.engine, documents)


class Band:
    """Runs of `recipe` with the `seeds` seeds after its own, one after the other."""

    def __init__(self, recipe: Recipe, documents: Sequence[str], seeds: int) -> None:
        steps = recipe.config_at().num_steps
        if not 1 <= seeds <= MAX_SEEDS or seeds * steps > MAX_BAND:
            raise ConfigError(
                f"{seeds} seeds of {steps:,} steps exceed the limit of a seed band",
                f"choose 1 to {min(MAX_SEEDS, MAX_BAND // steps)} seeds",
            )
        self._documents = documents
        self._waiting = [_reseeded(recipe, i) for i in range(seeds, 0, -1)]
        self._run: PreviewRun | None = None
        self.seeds, self.finished = seeds, 0
        self.positions = _positions(steps)
        self._curves: list[list[float]] = []

    @property
    def done(self) -> bool:
        """Whether all runs are complete."""
        return self.finished == self.seeds

    def go_on(self, seconds: float = math.inf) -> None:
        """Train for about `seconds`."""
        until = time.perf_counter() + seconds
        while not self.done and time.perf_counter() < until:
            if self._run is None:
                self._run = PreviewRun(self._waiting.pop(), self._documents)
            self._run.go_on(until - time.perf_counter())
            if self._run.done:
                self._curves.append(smoothed(self._run.losses, self.positions))
                self._run, self.finished = None, self.finished + 1

    def spread(self) -> tuple[list[float], list[float], list[float]]:
        """Return the lowest tenth, the median and the highest tenth at each position."""
        columns = [sorted(x for x in column if not math.isnan(x)) for column in zip(*self._curves)]
        low, median, high = (
            [_quantile(column, share) for column in columns] for share in (DECILE, 0.5, 1 - DECILE)
        )
        return low, median, high


def _reseeded(recipe: Recipe, by: int) -> Recipe:
    """Return the recipe with a larger seed."""
    return replace(recipe, config=replace(recipe.config, seed=(recipe.config.seed + by) % 2**32))


def smoothed(losses: Sequence[float], positions: Sequence[int]) -> list[float]:
    """Return the mean of the last hundred losses (fewer at the start) before each position.

    NaN if the run stopped before that position.
    """
    sums = [0.0, *accumulate(losses)]
    return [
        (sums[at] - sums[max(0, at - SMOOTHED_OVER)]) / min(at, SMOOTHED_OVER)
        if at < len(sums)
        else math.nan
        for at in positions
    ]


def _positions(num_steps: int) -> list[int]:
    points = min(POINTS, num_steps)
    return [round((i + 1) * num_steps / points) for i in range(points)]


def _quantile(column: Sequence[float], share: float) -> float:
    """Return the number with `share` of a sorted column below it; NaN for an empty column."""
    return column[round(share * (len(column) - 1))] if column else math.nan
