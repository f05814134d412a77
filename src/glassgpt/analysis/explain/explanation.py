"""What an explanation is made of: plain values, so that a terminal or a page can show them."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Factor:
    """A number that takes part in a term. Its `address` is empty where it is a constant."""

    name: str  # short: q[3,7], ∂q[3,7], 1/√D
    number: float
    address: str = ""


@dataclass(frozen=True, slots=True)
class Term:
    """One of the numbers that are added: `amount` is made of `factors`, told as `numbers`.

    The amount is the product of the factors, except in a softmax (e to the factor, the largest
    subtracted), a ReLU (the factor, or 0) and a surprise (−log of the factor).
    """

    label: str
    factors: tuple[Factor, ...]
    amount: float
    numbers: str


@dataclass(frozen=True, slots=True)
class Line:
    """A line of Python, where it stands: `file` within the package, `number` from 1."""

    file: str
    number: int
    source: str


@dataclass(frozen=True, slots=True)
class Breakdown:
    """How one `number` comes about.

    `formula` says it in symbols and `numbers` in figures. The `terms`, the largest first, add up to
    `total`: that is the number itself, in a norm's scale the sum of squares and in a softmax the
    denominator. `total_name` says what it is called. A leaf, and what is masked, has no terms.
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
    """One line of an update: what it computes, in symbols, in figures, in Python."""

    name: str  # m, v, m̂, v̂, Δ, w
    formula: str
    numbers: str
    number: float
    line: Line


@dataclass(frozen=True, slots=True)
class AdamUpdate:
    """The next update of one weight: from its gradient `g` to `new_weight`, as Adam's lines go.

    `entries` tell it line by line.
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

    |`slope` − `grad`| is at most `error`: what a central difference leaves out, estimated with a
    difference twice as wide, and what rounding adds. `switches` counts the ReLUs that the wider one
    turns on or off: there the loss has a kink, and half the difference of its two slopes is
    added.
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
    """One number, told whole.

    `value` is how it is made; the terms of `gradient` are its users, each with the gradient that it
    brought back. `update` is there for a parameter.
    """

    address: str
    words: str  # the address as a sentence
    sentence: str  # what the array is for
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
