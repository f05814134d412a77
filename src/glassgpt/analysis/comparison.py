"""Where two runs begin to differ: in their losses, and in the activations for one document."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from glassgpt.arrays import numbers, shape, unravel
from glassgpt.engines import Engine
from glassgpt.model.activations import sites
from glassgpt.model.config import Config
from glassgpt.model.state import State


@dataclass(frozen=True, slots=True)
class Parting:
    """The first site, in the order of computation, where two states differ, and the first index.

    `largest` is the largest difference, in `largest_site`. All fields are empty if none is found.
    """

    site: str = ""
    index: tuple[int, ...] = ()
    largest: float = 0.0
    largest_site: str = ""


def parting(engine: Engine, config: Config, a: State, b: State, tokens: Sequence[int]) -> Parting:
    """Return where two states of a model of `config` differ on one document."""
    engine.load(a)
    ours = engine.forward(tokens)
    engine.load(b)
    theirs = engine.forward(tokens)
    found = Parting()
    for site in sites(config):
        pairs = zip(numbers(ours[site.name]), numbers(theirs[site.name]), strict=True)
        gaps = [0.0 if x == y else abs(x - y) for x, y in pairs]
        most = max(gaps)
        if most and not found.site:
            index = unravel(next(i for i, gap in enumerate(gaps) if gap), shape(ours[site.name]))
            found = Parting(site.name, index, most, site.name)
        elif most > found.largest:
            found = Parting(found.site, found.index, most, site.name)
    return found


def first_difference(a: Sequence[float], b: Sequence[float], start: int = 0) -> int | None:
    """Return the first index from `start` on where two curves differ, None if there is none.

    NaN stands for an unknown loss and counts as equal.
    """
    for i in range(start, min(len(a), len(b))):
        if a[i] != b[i] and not (math.isnan(a[i]) or math.isnan(b[i])):
            return i
    return None
