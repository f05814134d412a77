"""The parts of events."""

from __future__ import annotations

import msgspec

from glassgpt.live.protocol.message import Scalar


class ArrayHead(msgspec.Struct, frozen=True):
    """An array that follows the header: its name, type of numbers and shape."""

    name: str
    dtype: str  # "f8" or "f4"
    shape: list[int]


class SettingFacts(msgspec.Struct, frozen=True):
    """A setting of `config.py`, with all that the page needs to make its control."""

    name: str
    default: Scalar
    help: str
    low: float
    high: float
    live: bool
    option: str
    type: str  # int, float or str


class SiteFacts(msgspec.Struct, frozen=True):
    """A site of `activations.py`."""

    name: str
    axes: list[str]
    op: str
    inputs: list[str]
    sentence: str
    weight: str


class ParamFacts(msgspec.Struct, frozen=True):
    """A parameter's name and shape (outputs, inputs)."""

    name: str
    shape: list[int]


class EngineFacts(msgspec.Struct, frozen=True):
    """An engine that can be chosen."""

    name: str
    instruction_set: str


class Written(msgspec.Struct, frozen=True):
    """A sample: its text, whether the data contain it, the probability of drawing it.

    `nearest` is the nearest document, `distance` letters away; empty if the text or the
    data are too long for the search.
    """

    text: str
    seen: bool
    probability: float
    ended: bool
    nearest: str
    distance: int


class CutFacts(msgspec.Struct, frozen=True):
    """A way to cut a long text into documents, and what that gives."""

    way: str
    documents: int
    longest: int  # characters
    examples: list[str]


class PendingLink(msgspec.Struct, frozen=True):
    """The run of a link that does not contain its documents: it waits for their file."""

    config: dict[str, Scalar]
    engine: str
    sampling: dict[str, Scalar]
    sample_seed: int | None
    step: int | None
    data_name: str
    data_sha256: str
    cut: str
    do: str


class BranchFacts(msgspec.Struct, frozen=True):
    """A branch: its name, its parent, and the changes at its fork."""

    number: int
    parent: int | None  # None: the first branch of a run
    run: int  # the number of that run
    fork: int  # the position from which on it differs from its parent
    words: list[str]  # a phrase for each change
    changes: str  # the same, as a link writes them
    ablated: list[str]  # the parts that are held at zero at its end, as in a link: head0.2
    config: dict[str, Scalar]  # at its end
    data_name: str
    engine: str


class MoveFacts(msgspec.Struct, frozen=True):
    """What moved log p: step number `step` (from 1) on `document`, or the change in `words`."""

    step: int
    document: str
    words: str
    change: float  # of log p, in nats


class GapFacts(msgspec.Struct, frozen=True):
    """The difference of `one` from `other` in a quantity, and whether it is only rounding."""

    quantity: str
    one: str
    other: str
    compared: int
    largest: float
    where: str
    holds: bool


class NodeFacts(msgspec.Struct, frozen=True):
    """A node of the graph; `local` is the derivative of the parent by the child."""

    number: int
    op: str
    data: float
    grad: float
    names: list[str]
    local: float = 1.0
