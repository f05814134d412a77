"""The parts of an explanation: plain values, so that a terminal or a page can show them."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Factor:
    """A number that takes part in a term. Its `address` is empty if it is a constant."""

    name: str  # short: q[3,7], ∂q[3,7], 1/√D
    number: float
    address: str = ""


@dataclass(frozen=True, slots=True)
class Term:
    """One of the numbers that are added: `amount`, computed from `factors`; `numbers` in figures.

    The amount is the product of the factors, except in a softmax (e to the factor, the largest
    subtracted), a ReLU (the factor, or 0) and a surprise (−log of the factor).
    """

    label: str
    factors: tuple[Factor, ...]
    amount: float
    numbers: str


@dataclass(frozen=True, slots=True)
class Line:
    """A line of Python and its place: `file` within the package, `number` from 1."""

    file: str
    number: int
    source: str


@dataclass(frozen=True, slots=True)
class Breakdown:
    """The breakdown of one `number`.

    `formula` is in symbols and `numbers` in figures. The `terms`, the largest first, add up to
    `total`: the number itself, or for a norm's scale the sum of squares and for a softmax the
    denominator, named by `total_name`. A leaf or a masked number has no terms.
    """

    number: float
    formula: str
    numbers: str
    terms: tuple[Term, ...]
    total: float
    total_name: str
    lines: tuple[Line, ...]


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of an update: its result, in symbols, in figures, in Python."""

    name: str  # m, v, m̂, v̂, Δ, w
    formula: str
    numbers: str
    number: float
    line: Line


@dataclass(frozen=True, slots=True)
class AdamUpdate:
    """The next update of one weight: from its gradient `g` to `new_weight`, by Adam's code.

    `entries` are its lines.
    """

    step: int  # from 1
    weight: float
    g: float
    m: float  # before
    v: float
    new_m: float
    new_v: float
    m_hat: float
    v_hat: float
    learning_rate: float
    beta1: float
    beta2: float
    eps: float
    delta: float
    new_weight: float
    entries: tuple[Entry, ...]


@dataclass(frozen=True, slots=True)
class GradientCheck:
    """The gradient check of one weight: the slope of the loss between weight − ε and weight + ε.

    |`slope` − `grad`| is at most `error`: the truncation of a central difference, estimated with
    2ε, plus rounding. `switches` counts the ReLUs that ±2ε turn on
    or off: there the loss has a kink, and half the difference of its two slopes counts as well.
    """

    epsilon: float
    loss: float
    loss_up: float
    loss_down: float
    slope: float
    grad: float
    error: float
    switches: int
    formula: str
    numbers: str


@dataclass(frozen=True, slots=True, repr=False)
class Explanation:
    """The whole explanation of one number.

    `value` is how it is computed; the terms of `gradient` are its users, each with its contribution
    to the gradient. A parameter also has its `update`.
    """

    address: str
    words: str  # the address as a sentence
    sentence: str  # the purpose of the array
    value: Breakdown
    gradient: Breakdown
    update: AdamUpdate | None = None

    def __repr__(self) -> str:
        from glassgpt.analysis.explain.shown import headline  # which needs this file

        return f"Explanation({headline(self)})"

    def __str__(self) -> str:
        from glassgpt.analysis.explain.shown import as_text

        return as_text(self)

    def _repr_html_(self) -> str:
        """Return it as a tree to unfold, for a notebook."""
        from glassgpt.analysis.explain.shown import as_html

        return as_html(self)
