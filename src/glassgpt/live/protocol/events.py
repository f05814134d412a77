"""What a player tells."""

from __future__ import annotations

from typing import TypeAlias

from glassgpt.analysis.explain import Explanation, Nudge
from glassgpt.live.protocol.message import Message, Scalar
from glassgpt.live.protocol.parts import (
    ArrayHead,
    BranchFacts,
    CutFacts,
    EngineFacts,
    GapFacts,
    MoveFacts,
    NodeFacts,
    ParamFacts,
    SettingFacts,
    SiteFacts,
    Waiting,
    Written,
)


class Hello(Message, frozen=True, tag=True):
    """The run, whole: first event, and again whenever another run takes its place."""

    version: int
    run: str
    engine: EngineFacts
    engines: list[str]
    settings: list[SettingFacts]
    sampling_settings: list[SettingFacts]
    config: dict[str, Scalar]
    sampling: dict[str, Scalar]
    sample_seed: int | None
    sites: list[SiteFacts]
    params: list[ParamFacts]
    parameters: int
    characters: list[str]
    data_name: str
    data_sha256: str
    documents: int
    unseen_from: int  # the first document of the held-out tenth
    longest: int  # positions of the longest document, clipped to the context
    typical: int  # positions that 98 of 100 documents do not exceed
    clipped: int  # how many documents are longer than the context
    begin: int  # the first position there is: that of the checkpoint the run was opened from
    reached: int
    pace: float
    schedule: list[float]  # the learning rate at evenly spaced positions, from 0 to num_steps
    link: str
    notice: str  # something the reader should know, or nothing
    waiting: Waiting | None


class Frame(Message, frozen=True, tag=True):
    """The run at `step` updates, and every loss taken since the frame before.

    The arrays `losses` and `rates` begin at the step of index `first`. The document is the one the
    next update learns from, or the one that is watched; `watching` says so.
    """

    seq: int
    step: int
    reached: int
    playing: bool
    busy: bool  # on the way to where it was asked to go
    pace: float  # as asked
    speed: float  # as measured, steps a second
    rate: float  # the learning rate of the next update
    document: str
    tokens: list[int]
    watching: bool
    first: int
    arrays: list[ArrayHead]


class Samples(Message, frozen=True, tag=True):
    """Texts drawn from the weights that a branch has after `step` updates."""

    seq: int
    branch: int
    step: int
    sampling: dict[str, Scalar]
    seed: int | None
    written: list[Written]
    link: str


class Spelling(Message, frozen=True, tag=True):
    """One sample, draw by draw.

    Arrays over (draws, V): `logits`, `plain` (probabilities at temperature 1), `probs` (those drawn
    from); over (draws,): `points`, where the draw fell on the cumulative bar.
    """

    index: int
    step: int
    text: str
    prefix: list[int]
    tokens: list[int]
    temperature: float
    arrays: list[ArrayHead]


class Measures(Message, frozen=True, tag=True):
    """The yardsticks of the documents, in nats."""

    uniform: float
    unigram: float
    bigram: float
    trigram: float


class HeldOut(Message, frozen=True, tag=True):
    """The mean loss after `step` updates on the held-out tenth, by `engine`."""

    seq: int
    step: int
    loss: float
    documents: int
    seen: int  # of them, those whose text the run has learned from
    engine: str


class Compared(Message, frozen=True, tag=True):
    """Both engines on this run: steps a second of each, how far the losses of the first stray."""

    rates: dict[str, float]
    steps: int
    difference: float


class Documents(Message, frozen=True, tag=True):
    """Documents in the order of training, from number `first`."""

    first: int
    documents: list[str]


class Tokens(Message, frozen=True, tag=True):
    """What the tokenizer makes of `text`: its ids between BOS and BOS, or a sentence."""

    text: str
    ids: list[int]
    problem: str
    hint: str


class Explained(Message, frozen=True, tag=True):
    """Why a number is what it is after `step` updates, or a sentence why there is none.

    At most `MAX_TERMS` terms of an account travel, the largest; `value_terms` and `gradient_terms`
    say how many there are. A number that is not finite travels as null. For a weight there is the
    check of its gradient, and its `Past` follows.
    """

    address: str
    step: int
    document: str
    explanation: Explanation | None
    value_terms: int
    gradient_terms: int
    nudge: Nudge | None
    problem: str
    hint: str


class Past(Message, frozen=True, tag=True):
    """What the weight at `address` was in all that its branch has reached, `every` so many steps.

    Arrays over (positions,): `steps`, and `past`, the value after so many updates.
    """

    address: str
    every: int
    arrays: list[ArrayHead]


class Verified(Message, frozen=True, tag=True):
    """How far the engines have strayed after `step` of so many `steps`; `running` until it ends.

    With `recorded` the scalar engine is held to the record of microgpt.py as well.
    """

    step: int
    steps: int
    running: bool
    gaps: list[GapFacts]
    holds: bool
    recorded: bool


class Neighbours(Message, frozen=True, tag=True):
    """A node of the graph of the loss of `document` after `step` updates, and those around it.

    `parents` are at most `MAX_TERMS` of `parent_count`. `path` leads from the loss to the node by
    the largest product of local derivatives, which is `product`, one of so many `ways`.
    """

    step: int
    document: str
    nodes: int
    edges: int
    node: NodeFacts
    children: list[NodeFacts]
    parents: list[NodeFacts]
    parent_count: int
    path: list[NodeFacts]
    product: float
    ways: float


class Considered(Message, frozen=True, tag=True):
    """What `Start` would make: a model of this size from these documents, or a sentence."""

    config: dict[str, Scalar]
    parameters: int
    bytes: int
    documents: int
    characters: list[str]  # at most 200 of `character_count`
    character_count: int
    examples: list[str]
    clipped: int
    data_sha256: str
    encoding: str  # of the text that was sent, where it is not UTF-8
    cut: str
    cuts: list[CutFacts]  # where the text does not look like one document a line
    problem: str
    hint: str


class Settings(Message, frozen=True, tag=True):
    """The settings as they are now, after a live change."""

    config: dict[str, Scalar]
    schedule: list[float]
    link: str


class Branches(Message, frozen=True, tag=True):
    """All branches: which is shown, which is compared with it, whether a change can be undone."""

    current: int
    beside: int | None
    undo: bool
    redo: bool
    most: int
    branches: list[BranchFacts]


class Curve(Message, frozen=True, tag=True):
    """The losses of a branch that is not shown, from the step of index `first` on: its fork."""

    branch: int
    first: int
    arrays: list[ArrayHead]


class Difference(Message, frozen=True, tag=True):
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


class Price(Message, frozen=True, tag=True):
    """The held-out loss before and after the weights were set that led to a branch, at its fork."""

    branch: int
    step: int
    before: float
    after: float


class Imagined(Message, frozen=True, tag=True):
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


class SeedBand(Message, frozen=True, tag=True):
    """The smoothed losses of the seeds that have `finished`.

    Arrays over (points,): `positions`; `low`, `median` and `high`: the lowest tenth, the middle and
    the highest tenth of the runs there.
    """

    seeds: int
    finished: int
    arrays: list[ArrayHead]


class Origins(Message, frozen=True, tag=True):
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


class File(Message, frozen=True, tag=True):
    """A file to be kept: its bytes are the array `bytes`."""

    name: str
    type: str
    arrays: list[ArrayHead]


class Refused(Message, frozen=True, tag=True):
    """A command that could not be followed: what happened, and what to do."""

    command: str
    what: str
    hint: str


class Stopped(Message, frozen=True, tag=True):
    """Training stopped before the step that would have left the finite numbers."""

    step: int
    what: str
    hint: str
    site: str
    index: list[int]


Event: TypeAlias = (
    Hello | Frame | Samples | Spelling | Measures | HeldOut | Compared | Documents | Tokens
    | Explained | Past | Verified | Neighbours | Considered | Settings | Branches | Curve
    | Difference | Price | Imagined | SeedBand | Origins | File | Refused | Stopped
)  # fmt: skip
