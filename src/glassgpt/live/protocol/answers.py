"""Events that answer a question at once."""

from __future__ import annotations

from glassgpt.analysis.explain import Explanation, GradientCheck
from glassgpt.live.protocol.message import Answer, Scalar
from glassgpt.live.protocol.parts import ArrayHead, CutFacts, NodeFacts


class Considered(Answer, frozen=True, tag=True):
    """The run that `Start` would begin, or the reason why it is not valid."""

    config: dict[str, Scalar]
    parameters: int
    bytes: int
    documents: int
    characters: list[str]  # at most 200 of `character_count`
    character_count: int
    examples: list[str]
    clipped: int
    data_sha256: str
    encoding: str  # of the text that was sent, if it is not UTF-8
    cut: str
    cuts: list[CutFacts]  # if the text does not look like one document a line
    problem: str
    hint: str


class Explained(Answer, frozen=True, tag=True):
    """The explanation of a number after `step` updates, or the reason why there is none.

    Of a breakdown the `MAX_TERMS` largest terms are sent; `value_terms` and `gradient_terms`
    count all of them. A number that is not finite is sent as null. For a weight the gradient
    check is included, and its `WeightHistory` follows.
    """

    address: str
    step: int
    document: str
    explanation: Explanation | None
    value_terms: int
    gradient_terms: int
    gradient_check: GradientCheck | None
    problem: str
    hint: str


class Spelling(Answer, frozen=True, tag=True):
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


class Neighbours(Answer, frozen=True, tag=True):
    """A node of the graph of the loss of `document` after `step` updates, and its neighbours.

    `parents` are at most `MAX_TERMS` of `parent_count`. `path` is the path from the loss to the
    node with the largest product of local derivatives, `product`; `ways` is the number of paths.
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


class Tokens(Answer, frozen=True, tag=True):
    """The tokens of `text`: their ids between BOS and BOS, or the reason why there are none."""

    text: str
    ids: list[int]
    problem: str
    hint: str


class Documents(Answer, frozen=True, tag=True):
    """Documents in the order of training, from number `first`."""

    first: int
    documents: list[str]


class File(Answer, frozen=True, tag=True):
    """A file to download: its bytes are the array `bytes`."""

    name: str
    type: str
    arrays: list[ArrayHead]
