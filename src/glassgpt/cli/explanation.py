"""An explanation as a tree of lines, for the terminal."""

from __future__ import annotations

from collections.abc import Sequence
from unicodedata import combining

from glassgpt.analysis.explain import (
    AdamUpdate,
    Breakdown,
    Entry,
    GradientCheck,
    Line,
    Pass,
    Term,
    explain,
)
from glassgpt.analysis.explain.words import figure
from glassgpt.analysis.graph import LOSS, Graph, Node
from glassgpt.cli.trees import Branch
from glassgpt.errors import AddressError, counted
from glassgpt.model.address import Address, parse_address

MOST_NEIGHBOURS = 12  # of a node, on each side
DIM = "dim"
UP, DOWN = "dark_orange", "dodger_blue1"  # above and below zero, safe for colour-blind eyes


def explained(p: Pass, place: Address, about: str, depth: int, most: int | None) -> Branch:
    """Return the tree of one number, `depth` levels deep, with at most `most` terms a sum."""
    told = explain(p, str(place))
    breakdowns = {"made of": told.value, "gradient": told.gradient}
    focus = "gradient" if place.kind == "grad" else "made of"
    root = Branch(f"{place} = {breakdowns[focus].number!r}", "bold")
    root.add(told.words)
    root.add(told.sentence, DIM)
    root.add(about, DIM)
    for title in sorted(breakdowns, key=lambda title: title != focus):
        breakdown = breakdowns[title]
        shown = f"{title}: " if title == "made of" else f"{title} {breakdown.number!r}: "
        branch = root.add(shown + breakdown.formula)
        branch.add(f"= {breakdown.numbers}")
        _add_terms(branch, p, breakdown, depth if title == focus else 1, most, place.kind)
        _add_lines(branch, breakdown.lines)
    if told.update:
        _add_update(root, told.update)
    return root


def _add_terms(
    branch: Branch, p: Pass, breakdown: Breakdown, depth: int, most: int | None, kind: str
) -> None:
    """Add the largest terms as children, and below each term its factors."""
    if breakdown.total_name:
        branch = branch.add(f"{breakdown.total_name} = {breakdown.total:.10g}")
    shown, left = breakdown.terms[:most], breakdown.terms[most:] if most else ()
    for term, text in zip(shown, _columns(list(map(_told, shown))), strict=True):
        below = branch.add(text, UP if term.amount > 0 else DOWN if term.amount < 0 else "")
        for factor in term.factors if depth > 1 else ():
            if factor.address and (kind == "grad") == factor.address.startswith("grad:"):
                _add_number(below, p, parse_address(factor.address), depth - 1, most)
    if left:
        rest = sum(term.amount for term in left)
        branch.add(f"and {len(left)} more, which add up to {figure(rest)} (--all shows them)", DIM)


def _add_number(branch: Branch, p: Pass, place: Address, depth: int, most: int | None) -> None:
    told = explain(p, str(place))
    breakdown = told.gradient if place.kind == "grad" else told.value
    if breakdown.terms:
        below = branch.add(f"{_walkable(str(place))} = {breakdown.numbers}")
        _add_terms(below, p, breakdown, depth, most, place.kind)


def _told(term: Term) -> tuple[str, str, str, str]:
    """Return the columns of a term."""
    factors = " · ".join(_walkable(factor.address) or factor.name for factor in term.factors)
    return figure(term.amount), f"= {term.numbers}", term.label, factors


def _walkable(address: str) -> str:
    """Return the address to type in order to explain this number."""
    return address.removeprefix("value:")


def _add_lines(branch: Branch, lines: Sequence[Line]) -> None:
    for line in lines:
        branch.add(f"{line.file}:{line.number}  {line.source}", DIM)


def _columns(rows: Sequence[Sequence[str]]) -> list[str]:
    """Return rows as lines with aligned columns."""
    widths = [max(map(_width, column)) for column in zip(*rows, strict=True)]
    return [
        "  ".join(cell + " " * (width - _width(cell)) for cell, width in zip(row, widths)).rstrip()
        for row in rows
    ]


def _width(text: str) -> int:
    """Return the width of a text in terminal cells: the hat of m̂ has width 0."""
    return sum(not combining(c) for c in text)


# -- of a weight


def _add_update(root: Branch, update: AdamUpdate) -> None:
    branch = root.add(f"update {update.step:,} makes it {update.new_weight!r}")
    for text in _columns(list(map(_entry, update.entries))):
        branch.add(text)


def _entry(entry: Entry) -> tuple[str, str, str, str]:
    made = f"{entry.name} = {entry.formula}", f"= {entry.numbers}", f"= {figure(entry.number)}"
    return (*made, f"{entry.line.file}:{entry.line.number}")


def add_gradient_check(root: Branch, check: GradientCheck) -> None:
    """Add the finite-difference check of a weight's gradient."""
    branch = root.add(
        f"central difference with ε = {check.epsilon:g}: the slope of the loss is {check.slope!r}"
    )
    branch.add(f"{check.formula} = {check.numbers}")
    apart = abs(check.slope - check.grad)
    branch.add(
        f"the gradient is {check.grad!r}: {apart:.1g} apart, where {check.error:.1g} is allowed"
    )
    if check.switches:
        branch.add(
            f"{counted(check.switches, 'ReLU')} switched on or off in between: "
            "the loss has a kink there"
        )


# -- in the graph


def add_graph(root: Branch, graph: Graph, place: Address) -> None:
    """Add a number's node, its neighbours, and the strongest path from the loss to it."""
    branch = root.add(
        f"the graph of this loss: {graph.node_count:,} nodes, {graph.edge_count:,} edges"
    )
    try:
        number = graph.find(str(place))
    except (
        AddressError
    ) as error:  # not an error: the loss of this document does not depend on the number
        branch.add(error.what)
        return
    node = graph.node(number)
    branch.add(_node(node))
    for title, links in (("made of", node.children), ("part of", node.parents)):
        below = branch.add(f"{title} {len(links)}")
        for link in links[:MOST_NEIGHBOURS]:
            below.add(f"{_node(graph.node(link.node))}  ·  local derivative {figure(link.local)}")
        if len(links) > MOST_NEIGHBOURS:
            below.add(f"and {len(links) - MOST_NEIGHBOURS:,} more", DIM)
    if number != LOSS:
        _add_path(branch, graph, number)


def _add_path(branch: Branch, graph: Graph, number: int) -> None:
    path = graph.strongest_path(number)
    below = branch.add(
        f"the strongest of {counted(path.ways, 'path')} from the loss, "
        f"{counted(len(path.nodes) - 1, 'step')}: "
        f"it contributes {figure(path.product)} to the gradient {figure(path.grad)}"
    )
    for i in path.nodes:
        if graph.node(i).names:
            below.add(_node(graph.node(i)))


def _node(node: Node) -> str:
    name = " = ".join(map(_walkable, node.names)) or ("constant" if not node.op else "")
    words = (f"#{node.number:,}", node.op, name, f"data {figure(node.data)}")
    return "  ".join(word for word in words if word) + f"  grad {figure(node.grad)}"
