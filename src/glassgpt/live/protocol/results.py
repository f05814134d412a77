"""Events that jobs tell: what takes longer than one turn to compute."""

from __future__ import annotations

from glassgpt.live.protocol.message import Answer, Numbered, Scalar
from glassgpt.live.protocol.parts import ArrayHead, GapFacts, MoveFacts, Written


class Samples(Numbered, frozen=True, tag=True):
    """Texts drawn from the weights that a branch has after `step` updates."""

    branch: int
    step: int
    sampling: dict[str, Scalar]
    seed: int | None
    written: list[Written]
    link: str


class Measures(Answer, frozen=True, tag=True):
    """The yardsticks of the documents, in nats."""

    uniform: float
    unigram: float
    bigram: float
    trigram: float


class HeldOut(Numbered, frozen=True, tag=True):
    """The mean loss after `step` updates on the held-out tenth, by `engine`."""

    step: int
    loss: float
    documents: int
    seen: int  # of them, those whose text the run has learned from
    engine: str


class Compared(Answer, frozen=True, tag=True):
    """Both engines on this run: steps a second of each, how far the losses of the first stray."""

    rates: dict[str, float]
    steps: int
    difference: float


class Difference(Answer, frozen=True, tag=True):
    """How the branch that is shown at `step` differs from `branch`, which is at `other_step`.

    `first_step` is the number of the first step (from 1) whose losses differ, as far as both went.
    On `document` they part at `index` of `site`, the first in the order of computing (empty where
    they do not part, or are models of other sizes); the largest difference is `largest`. Where the
    numbers of the two cannot be compared, `problem` says why. Held-out losses are those of the two,
    where an engine is quick enough and both are finite.
    """

    branch: int
    step: int
    other_step: int
    first_step: int | None
    document: str
    site: str
    index: list[int]
    largest: float
    largest_site: str
    problem: str
    held_out: list[float]


class Price(Answer, frozen=True, tag=True):
    """The held-out loss before and after the weights were set that led to a branch, at its fork."""

    branch: int
    step: int
    before: float
    after: float


class Imagined(Answer, frozen=True, tag=True):
    """A complete run of `config`, as far as it is taken; the array `losses` begins at `first`.

    When it is `done`, `written` and `held_out` are those of its end; a run that `stopped` says why.
    """

    config: dict[str, Scalar]
    done: bool
    first: int
    taken: int
    written: list[Written]
    held_out: float | None
    seconds: float
    stopped: str
    arrays: list[ArrayHead]


class SeedBand(Answer, frozen=True, tag=True):
    """The smoothed losses of the seeds that have `finished`.

    Arrays over (points,): `positions`; `low`, `median` and `high`: the lowest tenth, the middle and
    the highest tenth of the runs there.
    """

    seeds: int
    finished: int
    arrays: list[ArrayHead]


class Origins(Answer, frozen=True, tag=True):
    """How log p of `token` after `context` came about, from position `begin` to `step`.

    While steps are `taken` again there is only that number; when it is `done` the largest `moves`,
    the largest first, and the array `curve`: log p in nats at every position.
    """

    context: list[int]
    token: int
    begin: int
    step: int
    taken: int
    done: bool
    moves: list[MoveFacts]
    arrays: list[ArrayHead]


class Past(Answer, frozen=True, tag=True):
    """What the weight at `address` was in all that its branch has reached, `every` so many steps.

    Arrays over (positions,): `steps`, and `past`, the value after so many updates.
    """

    address: str
    every: int
    arrays: list[ArrayHead]


class Verified(Answer, frozen=True, tag=True):
    """How far the engines have strayed after `step` of so many `steps`; `running` until it ends.

    With `recorded` the scalar engine is held to the record of microgpt.py as well.
    """

    step: int
    steps: int
    running: bool
    gaps: list[GapFacts]
    holds: bool
    recorded: bool
