"""The ops that are sums of products: which numbers are factors of which product."""

# Every op has the methods of `rule.py`, with the same arguments, needed or not.
# ruff: noqa: ARG002, D102

from __future__ import annotations

from collections.abc import Iterable

from glassgpt.analysis.explain.explanation import Factor
from glassgpt.analysis.explain.passed import Pass
from glassgpt.analysis.explain.rule import SumOfProducts
from glassgpt.analysis.explain.words import spot
from glassgpt.model.address import Index


class Row(SumOfProducts):
    """A row of an embedding: that of the token, or of the position."""

    def formula(self) -> str:
        row = "token at t" if self.site.name == "tok" else "t"
        return f"{self.y}[t,c] = {self.site.weight}[{row}, c]"

    def slope(self, role: int, letter: str) -> str:
        if self.site.name == "tok":
            return "Σ_t ∂tok[t,c], over the positions with this token"
        return "∂pos[t,c]"

    def places(self, at: Index, k: int) -> tuple[Index | None, ...]:
        t, c = at
        return ((self._rows()[t], c),)

    def meets(self, role: int, i: Index) -> Iterable[tuple[Index, int]]:
        row, c = i
        return [((t, c), 0) for t, used in enumerate(self._rows()) if used == row]

    def _rows(self) -> list[int]:
        tokens = list(self.p.tokens[:-1])
        return tokens if self.site.name == "tok" else list(range(len(tokens)))


class Sum(SumOfProducts):
    """Two arrays added."""

    def formula(self) -> str:
        a, b = self.names
        return f"{self.y}[t,c] = {a}[t,c] + {b}[t,c]"

    def slope(self, role: int, letter: str) -> str:
        return f"∂{self.y}[t,c]"

    def inner(self, at: Index) -> Iterable[int]:
        return (0, 1)

    def places(self, at: Index, k: int) -> tuple[Index | None, ...]:
        return (at, None) if k == 0 else (None, at)

    def meets(self, role: int, i: Index) -> Iterable[tuple[Index, int]]:
        return [(i, role)]

    def label(self, k: int) -> str:
        return self.names[k]


class Product(SumOfProducts):
    """Every channel times the scale of its position."""

    def formula(self) -> str:
        x, scale = self.names
        return f"{self.y}[t,c] = {x}[t,c] · {scale}[t]"

    def slope(self, role: int, letter: str) -> str:
        x, scale = self.names
        return f"{scale}[t] · ∂{self.y}[t,c]" if role == 0 else f"Σ_c {x}[t,c] · ∂{self.y}[t,c]"

    def places(self, at: Index, k: int) -> tuple[Index | None, ...]:
        return (at, at[:1])

    def meets(self, role: int, i: Index) -> Iterable[tuple[Index, int]]:
        return [(i, 0)] if role == 0 else [((*i, c), 0) for c in range(self.p.config.n_embd)]


class Linear(SumOfProducts):
    """A matrix times the channels of a position."""

    def formula(self) -> str:
        x, weight = self.names
        return f"{self.y}[t,o] = Σ_i {weight}[o,i] · {x}[t,i]"

    def slope(self, role: int, letter: str) -> str:
        x, weight = self.names
        if role == 0:
            return f"Σ_o {weight}[o,{letter}] · ∂{self.y}[t,o]"
        return f"Σ_t {x}[t,i] · ∂{self.y}[t,o]"

    def inner(self, at: Index) -> Iterable[int]:
        return range(self.p.size(self.site.weight)[1])

    def places(self, at: Index, k: int) -> tuple[Index | None, ...]:
        t, o = at
        return ((t, k), (o, k))

    def meets(self, role: int, i: Index) -> Iterable[tuple[Index, int]]:
        first, k = i
        if role == 0:
            return [((first, o), k) for o in range(self.p.size(self.site.weight)[0])]
        return [((t, first), k) for t in range(self.p.positions)]

    def label(self, k: int) -> str:
        return spot(self.p, self.p.sites[self.inputs[0]].axes[-1], k)


class Scores(SumOfProducts):
    """Query · key of one head, over √D; no position sees a later one."""

    def formula(self) -> str:
        q, k = self.names
        return f"{self.y}[h,t,s] = Σ_c {q}[t,c] · {k}[s,c] / √D, over the channels of h"

    def slope(self, role: int, letter: str) -> str:
        q, k = self.names
        if role == 0:
            return f"Σ_s {k}[s,c] / √D · ∂{self.y}[h,t,s], over s ≤ t"
        return f"Σ_u {q}[u,c] / √D · ∂{self.y}[h,u,t], over u ≥ t"

    def inner(self, at: Index) -> Iterable[int]:
        h, t, s = at
        return _channels(self.p, h) if s <= t else ()

    def places(self, at: Index, k: int) -> tuple[Index | None, ...]:
        _, t, s = at
        return ((t, k), (s, k))

    def meets(self, role: int, i: Index) -> Iterable[tuple[Index, int]]:
        t, c = i
        h = c // self.p.config.head_dim
        if role == 0:
            return [((h, t, s), c) for s in range(t + 1)]
        return [((h, later, t), c) for later in range(t, self.p.positions)]

    def constant(self) -> tuple[Factor, ...]:
        return (Factor("1/√D", self.p.config.head_dim**-0.5),)

    def label(self, k: int) -> str:
        return spot(self.p, "C", k)


class Mix(SumOfProducts):
    """The values of the positions seen, each times its attention weight."""

    def formula(self) -> str:
        weights, v = self.names
        return f"{self.y}[t,c] = Σ_s {weights}[h,t,s] · {v}[s,c], over s ≤ t; h is the head of c"

    def slope(self, role: int, letter: str) -> str:
        weights, v = self.names
        if role == 0:
            return f"Σ_c {v}[s,c] · ∂{self.y}[t,c], over the channels of h"
        return f"Σ_u {weights}[h,u,t] · ∂{self.y}[u,c], over u ≥ t"

    def inner(self, at: Index) -> Iterable[int]:
        return range(at[0] + 1)

    def places(self, at: Index, k: int) -> tuple[Index | None, ...]:
        t, c = at
        return ((c // self.p.config.head_dim, t, k), (k, c))

    def meets(self, role: int, i: Index) -> Iterable[tuple[Index, int]]:
        if role == 0:
            h, t, s = i
            return [((t, c), s) for c in _channels(self.p, h)] if s <= t else []
        s, c = i
        return [((t, c), s) for t in range(s, self.p.positions)]

    def label(self, k: int) -> str:
        return spot(self.p, "S", k)


class Mean(SumOfProducts):
    """The mean over positions."""

    def formula(self) -> str:
        return f"{self.y} = Σ_t {self.names[0]}[t] / T"

    def slope(self, role: int, letter: str) -> str:
        return f"∂{self.y} / T"

    def inner(self, at: Index) -> Iterable[int]:
        return range(self.p.positions)

    def places(self, at: Index, k: int) -> tuple[Index | None, ...]:
        return ((k,),)

    def meets(self, role: int, i: Index) -> Iterable[tuple[Index, int]]:
        return [((), i[0])]

    def constant(self) -> tuple[Factor, ...]:
        return (Factor("1/T", 1 / self.p.positions),)

    def label(self, k: int) -> str:
        return spot(self.p, "T", k)


def _channels(p: Pass, head: int) -> range:
    first = head * p.config.head_dim
    return range(first, first + p.config.head_dim)
