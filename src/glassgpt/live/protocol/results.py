"""Events sent by jobs: results that take longer than one turn to compute."""

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


class Baselines(Answer, frozen=True, tag=True):
    """The baselines of the documents, in nats."""

    uniform: float
    unigram: float
    bigram: float
    trigram: float


class ValidationLoss(Numbered, frozen=True, tag=True):
    """The mean validation loss after `step` updates, computed by `engine`."""

    step: int
    loss: float
    documents: int
    seen: int  # how many of the validation documents the run has trained on
    engine: str


class EnginesCompared(Answer, frozen=True, tag=True):
    """Both engines on this run: steps a second of each, and the largest difference of losses."""

    rates: dict[str, float]
    steps: int
    difference: float


class Difference(Answer, frozen=True, tag=True):
    """The differences of the branch shown at `step` from `branch`, which is at `other_step`.

    `first_step` is the number of the first step (from 1) whose losses differ, as far as both went.
    On `document` the first difference in the order of computation is at `index` of `site` (empty
    if there is none, or the sizes differ); the largest is `largest`. If the numbers cannot be
    compared, `problem` is the reason. Validation losses are sent if an engine is fast enough and
    both are finite.
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
    validation_loss: list[float]


class Price(Answer, frozen=True, tag=True):
    """The validation loss at the fork of a branch, before and after its weights were set."""

    branch: int
    step: int
    before: float
    after: float


class Previewed(Answer, frozen=True, tag=True):
    """A preview run of `config`, as far as it is computed; the array `losses` begins at `first`.

    When it is `done`, `written` and `validation_loss` are those at its end. `stopped` is the reason
    if it stopped early.
    """

    config: dict[str, Scalar]
    done: bool
    first: int
    taken: int
    written: list[Written]
    validation_loss: float | None
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


class Attribution(Answer, frozen=True, tag=True):
    """The attribution of log p of `token` after `context`, from position `begin` to `step`.

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


class WeightHistory(Answer, frozen=True, tag=True):
    """The history of the weight at `address` in its branch, one value for each `every` steps.

    Arrays over (positions,): `steps`, and `past`, the value after that many updates.
    """

    address: str
    every: int
    arrays: list[ArrayHead]


class Verified(Answer, frozen=True, tag=True):
    """The differences of the engines after `step` of `steps` steps; `running` until it ends.

    With `recorded` the scalar engine is compared with the record of microgpt.py as well.
    """

    step: int
    steps: int
    running: bool
    gaps: list[GapFacts]
    holds: bool
    recorded: bool
