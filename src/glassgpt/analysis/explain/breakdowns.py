"""The two breakdowns of a number: the terms of its value, and the terms of its gradient."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from glassgpt.analysis.explain.explanation import AdamUpdate, Breakdown, Term
from glassgpt.analysis.explain.ops import rule_of
from glassgpt.analysis.explain.passed import Pass, short
from glassgpt.analysis.explain.rule import inputs, term
from glassgpt.analysis.explain.source import BACKWARD, KEPT, SEED, lines, lines_of
from glassgpt.analysis.explain.words import added, figure, in_brief
from glassgpt.model.activations import Site
from glassgpt.model.address import Address

_ROWS = {"wte": "vc", "wpe": "tc"}  # the letters of a matrix that is looked up, not multiplied
FORMULAS = {  # how an update changes a weight and its moments
    "value": "w ← w + Δ, where Δ = −lr · m̂ / (√v̂ + ε)",
    "m": "m ← β₁ · m + (1 − β₁) · g",
    "v": "v ← β₂ · v + (1 − β₂) · g²",
}


def made(p: Pass, address: Address) -> Breakdown:
    """Return the breakdown of a site's number into its inputs."""
    site, at = p.sites[address.name], address.index
    rule = rule_of(p, site)
    number = p.values[site.name][at]
    terms = _sorted(rule.terms(at))
    if not terms:  # only a masked score has none
        text = f"{figure(number)}: position {at[1]} does not see position {at[2]}, which is later"
        return Breakdown(number, rule.formula(), text, (), number, "", lines_of(site))
    total, name = rule.total(number, terms)
    text = f"{rule.numbers(at, terms)} = {figure(number)}"
    return Breakdown(number, rule.formula(), text, terms, total, name, lines_of(site))


def kept(address: Address, update: AdamUpdate) -> Breakdown:
    """Return the breakdown of a weight or a moment, which result from updates."""
    kind = address.kind if address.kind in ("m", "v") else "value"
    now, new = {
        "value": (update.weight, update.new_weight),
        "m": (update.m, update.new_m),
        "v": (update.v, update.new_v),
    }[kind]
    ends = update.learning_rate == 0  # the run has taken its last step
    makes = "another update would make" if ends else f"update {update.step:,} makes"
    text = f"{figure(now)}; {makes} it {figure(new)}"
    return Breakdown(now, FORMULAS[kind], text, (), now, "", lines(KEPT[kind]))


def used(p: Pass, address: Address) -> Breakdown:
    """Return the breakdown of the gradient by users: their gradient times the local derivative."""
    number = p.grads[address.name][address.index]
    if address.name == "loss":
        one = Term("the loss itself, where the backward pass begins", (), 1.0, "1")
        return Breakdown(number, "∂loss = 1", "1", (one,), number, "", lines(SEED))
    terms = _sorted(_brought(p, address))
    text = f"{added([each.numbers for each in terms])} = {figure(number)}"
    return Breakdown(
        number, _gradient_formula(p, address), text, terms, number, "", lines(BACKWARD)
    )


def _brought(p: Pass, address: Address) -> Iterator[Term]:
    """Yield the contribution of each user of a number to its gradient."""
    for site, role in _users(p, address.name):
        for at, slope in rule_of(p, site).uses(role, address.index):
            words = in_brief(p, Address("value", site.name, at))
            yield term(words, (*slope, p.gradient(site.name, at)))


def _gradient_formula(p: Pass, address: Address) -> str:
    """Return ∂x as a sum over users, in symbols; ∂x is short for ∂loss/∂x."""
    axes = p.sites[address.name].axes if address.name in p.sites else _ROWS.get(address.name, "oi")
    letters = ",".join(axes).lower()
    slopes = [rule_of(p, site).slope(role, letters[-1]) for site, role in _users(p, address.name)]
    return f"∂{short(address.name)}[{letters}] = {' + '.join(slopes)}"


def _users(p: Pass, name: str) -> list[tuple[Site, int]]:
    """Return every site that an array goes into, and as which input."""
    return [
        (site, role)
        for site in p.sites.values()
        for role, used in enumerate(inputs(site))
        if used == name
    ]


def _sorted(terms: Iterable[Term]) -> tuple[Term, ...]:
    return tuple(sorted(terms, key=lambda each: -abs(each.amount)))
