"""The rules of the ops that are not sums of products."""

# Every op has the methods of `rule.py`, with the same arguments, needed or not.
# ruff: noqa: ARG002, D102

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

from glassgpt.analysis.explain.explanation import Factor, Term
from glassgpt.analysis.explain.passed import Pass
from glassgpt.analysis.explain.products import Linear, Mean, Mix, Product, Row, Scores, Sum
from glassgpt.analysis.explain.rule import Rule, Use, term
from glassgpt.analysis.explain.words import bracketed, figure, spot
from glassgpt.model.activations import Op, Site
from glassgpt.model.address import Index


class NormScale(Rule):
    """1 / root mean square: (Σ x² / C + 1e-5) ** −½. The terms are the squares."""

    def formula(self) -> str:
        return f"{self.y}[t] = (Σ_c {self.names[0]}[t,c]² / C + 10⁻⁵)^(−½)"

    def slope(self, role: int, letter: str) -> str:
        return f"(−{self.names[0]}[t,c] · {self.y}[t]³ / C) · ∂{self.y}[t]"

    def terms(self, at: Index) -> list[Term]:
        xs = [self.p.factor(self.inputs[0], (*at, c)) for c in range(self.p.config.n_embd)]
        return [term(spot(self.p, "C", c), (x, x)) for c, x in enumerate(xs)]

    def uses(self, role: int, i: Index) -> Iterator[Use]:
        scale = self.p.factor(self.site.name, i[:1])
        cubed = Factor(f"{scale.name}³", scale.number**3, scale.address)
        C = self.p.config.n_embd
        yield i[:1], (self.p.factor(self.inputs[0], i), cubed, Factor("−1/C", -1 / C))

    def total(self, number: float, terms: Sequence[Term]) -> tuple[float, str]:
        return _sum(terms), "the sum of squares"

    def numbers(self, at: Index, terms: Sequence[Term]) -> str:
        return f"({figure(_sum(terms))} / {self.p.config.n_embd} + 10⁻⁵)^(−½)"


class Softmax(Rule):
    """Each e^x over the sum of all: a number is used in the numerator and in the denominator."""

    def formula(self) -> str:
        x, at, other = self.names[0], *self._letters()
        return f"{self.y}[{at}] = e^({x}[{at}] − max) / Σ_r e^({x}[{other}] − max)"

    def slope(self, role: int, letter: str) -> str:
        y, at, other = self.y, *self._letters()
        return f"{y}[{at}] · ∂{y}[{at}] − {y}[{at}] · Σ_r {y}[{other}] · ∂{y}[{other}]"

    def terms(self, at: Index) -> list[Term]:
        xs = [self.p.factor(self.inputs[0], place) for place in self._row(at)]
        largest = max((x.number for x in xs), default=0.0)
        axis = self.site.axes[-1]
        return [_exponential(spot(self.p, axis, i), x, largest) for i, x in enumerate(xs)]

    def uses(self, role: int, i: Index) -> Iterator[Use]:
        here = self.p.factor(self.site.name, i)
        less = Factor(f"−{here.name}", -here.number, here.address)
        for place in self._row(i):
            if place == i:
                yield place, (here,)
            yield place, (less, self.p.factor(self.site.name, place))

    def total(self, number: float, terms: Sequence[Term]) -> tuple[float, str]:
        return _sum(terms), "the denominator"

    def numbers(self, at: Index, terms: Sequence[Term]) -> str:
        above = self.p.factor(self.inputs[0], at)
        own = next(each for each in terms if above in each.factors)
        return f"{own.numbers} / {figure(_sum(terms))}"

    def _row(self, at: Index) -> list[Index]:
        """Return the places that share the denominator of this one; none if it is masked."""
        *before, last = at
        if self.site.axes[-1] == "V":
            return [(*before, v) for v in range(self.p.tokenizer.vocab_size)]
        seen = before[-1] + 1
        return [(*before, s) for s in range(seen)] if last < seen else []

    def _letters(self) -> tuple[str, str]:
        at = ",".join(self.site.axes).lower()
        return at, f"{at[:-1]}r"


class Relu(Rule):
    """The number, or 0 if it is negative."""

    def formula(self) -> str:
        return f"{self.y}[t,f] = max(0, {self.names[0]}[t,f])"

    def slope(self, role: int, letter: str) -> str:
        return f"(1 where {self.names[0]}[t,f] > 0, else 0) · ∂{self.y}[t,f]"

    def terms(self, at: Index) -> list[Term]:
        x = self.p.factor(self.inputs[0], at)
        return [Term(self.names[0], (x,), max(0.0, x.number), f"max(0, {figure(x.number)})")]

    def uses(self, role: int, i: Index) -> Iterator[Use]:
        loud = self.p.values[self.inputs[0]][i] > 0
        yield i, (Factor("1, above 0" if loud else "0, not above 0", float(loud)),)


class Surprise(Rule):
    """−log of the probability of the token that follows."""

    def formula(self) -> str:
        return f"{self.y}[t] = −log {self.names[0]}[t, next token]"

    def slope(self, role: int, letter: str) -> str:
        return f"−1 / {self.names[0]}[t,v] · ∂{self.y}[t] where v comes next, else 0"

    def terms(self, at: Index) -> list[Term]:
        target = self.p.tokens[at[0] + 1]
        x = self.p.factor(self.inputs[0], (*at, target))
        text = f"−log {figure(x.number)}"
        return [Term(spot(self.p, "V", target), (x,), -math.log(x.number), text)]

    def uses(self, role: int, i: Index) -> Iterator[Use]:
        t, v = i
        if v == self.p.tokens[t + 1]:
            x = self.p.factor(self.inputs[0], i)
            yield (t,), (Factor(f"−1/{x.name}", -1 / x.number, x.address),)


def _sum(terms: Sequence[Term]) -> float:
    return math.fsum(each.amount for each in terms)


def _exponential(label: str, x: Factor, largest: float) -> Term:
    text = f"e^({figure(x.number)} − {bracketed(largest)})"
    return Term(label, (x,), math.exp(x.number - largest), text)


_RULES: dict[Op, type[Rule]] = {
    "embedding": Row,
    "sum": Sum,
    "norm_scale": NormScale,
    "product": Product,
    "linear": Linear,
    "scores": Scores,
    "softmax": Softmax,
    "attend": Mix,
    "relu": Relu,
    "nll": Surprise,
    "mean": Mean,
}


def rule_of(p: Pass, site: Site) -> Rule:
    """Return the rule by which `site` is made in a pass."""
    return _RULES[site.op](p, site)
