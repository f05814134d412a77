"""The rule of an op: the terms of a number, and the gradients of its inputs."""

# Every method has the arguments that any op needs; many ops need fewer.
# ruff: noqa: ARG002

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence

from glassgpt.analysis.explain.explanation import Factor, Term
from glassgpt.analysis.explain.passed import Pass, short
from glassgpt.analysis.explain.words import added, times
from glassgpt.model.activations import Site
from glassgpt.model.address import Index

Use = tuple[Index, tuple[Factor, ...]]  # a user of a number, and the local derivative as a product


def inputs(site: Site) -> tuple[str, ...]:
    """Return the names of everything that goes into a site, its weight last.

    The index of a name in it is the input's *role*.
    """
    return (*site.inputs, site.weight) if site.weight else site.inputs


def term(label: str, factors: tuple[Factor, ...]) -> Term:
    """Return the term that is the product of its factors."""
    numbers = [factor.number for factor in factors]
    return Term(label, factors, math.prod(numbers), times(numbers))


class Rule:
    """The op of one `site`, at work in one pass."""

    def __init__(self, p: Pass, site: Site) -> None:
        self.p = p
        self.site = site
        self.inputs = inputs(site)
        self.y = short(site.name)  # the names in formulas of the site and its inputs
        self.names = [short(name) for name in self.inputs]

    def formula(self) -> str:
        """Return how the site is computed, in symbols."""
        raise NotImplementedError

    def slope(self, role: int, letter: str) -> str:
        """Return the gradient that flows to input `role`, in symbols; `letter` is its last axis."""
        raise NotImplementedError

    def terms(self, at: Index) -> list[Term]:
        """Return the terms of the number at `at`; none if it is masked."""
        raise NotImplementedError

    def uses(self, role: int, i: Index) -> Iterator[Use]:
        """Yield the users of place `i` of input `role`."""
        raise NotImplementedError

    def total(self, number: float, terms: Sequence[Term]) -> tuple[float, str]:
        """Return the sum of the terms, and its name if it is not the number itself."""
        return number, ""

    def numbers(self, at: Index, terms: Sequence[Term]) -> str:
        """Return how the number at `at` is computed, in figures."""
        return added([each.numbers for each in terms])


class SumOfProducts(Rule):
    """A number that is Σ_k of products. A derivative is a product with one factor left out."""

    def inner(self, at: Index) -> Iterable[int]:
        """Return every k of the sum that makes the number at `at`."""
        return (0,)

    def places(self, at: Index, k: int) -> tuple[Index | None, ...]:
        """Return where the k-th product reads each input; None if it does not."""
        raise NotImplementedError

    def meets(self, role: int, i: Index) -> Iterable[tuple[Index, int]]:
        """Return the numbers that use place `i` of an input, each with its k."""
        raise NotImplementedError

    def constant(self) -> tuple[Factor, ...]:
        """Return the constant factors that all products of the sum share."""
        return ()

    def label(self, k: int) -> str:
        """Return the label of the k-th product."""
        return self.names[0]

    def terms(self, at: Index) -> list[Term]:
        """Return the products."""
        return [term(self.label(k), self._factors(at, k)) for k in self.inner(at)]

    def uses(self, role: int, i: Index) -> Iterator[Use]:
        """Yield each product that the number takes part in, without that number."""
        for at, k in self.meets(role, i):
            yield at, self._factors(at, k, role)

    def _factors(self, at: Index, k: int, but: int = -1) -> tuple[Factor, ...]:
        taken = [
            self.p.factor(self.inputs[role], place)
            for role, place in enumerate(self.places(at, k))
            if place is not None and role != but
        ]
        return (*taken, *self.constant())
