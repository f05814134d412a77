"""`glassgpt explain`: any number of a kept model as a tree of the numbers that it is made of."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from unicodedata import combining

import click
from click.shell_completion import CompletionItem

from glassgpt.address import Address, extents, parse_address
from glassgpt.checkpoint import load_checkpoint
from glassgpt.cli.options import chosen_engine, documents_of
from glassgpt.cli.trees import Branch, show_tree
from glassgpt.engines import create
from glassgpt.errors import AddressError, CheckpointError, ConfigError, GlassError
from glassgpt.explain import (
    Account,
    Entry,
    Ledger,
    Line,
    Nudge,
    Pass,
    Term,
    explain,
    nudge,
    pass_through,
)
from glassgpt.explain.words import figure
from glassgpt.graph import LOSS, Graph, Node
from glassgpt.session import Session
from glassgpt.snapshot import Snapshot

MOST_NEIGHBOURS = 12  # of a node, on each side
DIM = "dim"
UP, DOWN = "dark_orange", "dodger_blue1"  # above and below zero, safe for colour-blind eyes


def _complete(context: click.Context, _: click.Parameter, typed: str) -> list[CompletionItem]:
    """Return the addresses, up to their index, that begin with what was typed."""
    try:
        snapshot = load_checkpoint(Path(context.params["directory"]))
    except (GlassError, KeyError):
        return []
    known = extents(snapshot.config, snapshot.tokenizer.vocab_size, snapshot.config.block_size)
    kind, colon, name = typed.rpartition(":")
    return [
        CompletionItem(f"{kind}{colon}{each}{'[' if axes else ''}")
        for each, axes in known.items()
        if each.startswith(name)
    ]


@click.command("explain")
@click.argument("directory", type=click.Path(path_type=Path))
@click.argument("address", default="loss", shell_complete=_complete)
@click.option(
    "--doc", help="The document that goes through the model; else the next to be learned."
)
@click.option(
    "--data", help="The text file that the model was trained on, if not the built-in names."
)
@click.option("--grad", is_flag=True, help="The same as grad: before the address.")
@click.option(
    "--depth",
    type=click.IntRange(1, 9),
    default=1,
    show_default=True,
    help="How far to follow the numbers that a number is made of.",
)
@click.option(
    "--terms",
    type=click.IntRange(1),
    default=5,
    show_default=True,
    help="How many terms to show of a sum, the largest first.",
)
@click.option("--all", "every", is_flag=True, help="Show every term.")
@click.option(
    "--graph",
    is_flag=True,
    help="Show the number's node in the autograd graph, and the strongest way to it.",
)
def explain_command(
    directory: Path,
    address: str,
    doc: str | None,
    data: str | None,
    grad: bool,
    depth: int,
    terms: int,
    every: bool,
    graph: bool,
) -> None:
    """Explain one number of the model kept in DIRECTORY: what it is made of, and who uses it.

    A number has an ADDRESS: the name of an array and the place in it, [position,channel] inside the
    model and [output,input] in a weight matrix. Each number of the tree has one too, so go on
    from there. Without an address it is the loss.

    \b
    glassgpt explain run --doc emma                            the loss, position by position
    glassgpt explain run 'layer0.attn.q[3,7]' --doc emma       a query: weights times channels
    glassgpt explain run 'grad:embd[2,5]' --doc emma --depth 2 a gradient, two users back
    glassgpt explain run 'wte[4,3]' --doc emma --graph         a weight: its next update, its nodes

    \b
    weights  wte wpe lm_head, layer0.attn_wq attn_wk attn_wv attn_wo mlp_fc1 mlp_fc2
    inside   tok pos embd norm.scale norm, logits probs losses loss,
             layer0.attn. norm.scale norm q k v scores weights heads out resid,
             layer0.mlp. norm.scale norm fc1 relu fc2 resid
    kinds    value: (or nothing), grad:, and of weights m: and v:, Adam's moments
    """
    snapshot = load_checkpoint(directory)
    engine = create(
        chosen_engine(None, snapshot.engine), snapshot.config, snapshot.tokenizer.vocab_size
    )
    text, tokens = _document(snapshot, doc, data)
    config, tokenizer = snapshot.config, snapshot.tokenizer
    p = pass_through(engine, config, tokenizer, snapshot.step, snapshot.state, tokens)
    place = p.address(f"grad:{address.rpartition(':')[2]}" if grad else address)
    about = f"document {text!r}, after {snapshot.step:,} updates, by the {engine.name} engine"
    root = _explained(p, place, about, depth, None if every else terms)
    if place.name in p.state.params:
        _add_nudge(root, nudge(engine, p, place))
    if graph:
        _add_graph(root, Graph(config, tokenizer.vocab_size, snapshot.state, tokens), place)
    show_tree(root)


def _document(snapshot: Snapshot, doc: str | None, data: str | None) -> tuple[str, list[int]]:
    """Return the document that was named, or the next one of the run, and its tokens."""
    block_size = snapshot.config.block_size
    if doc is None:
        doc = _next_document(snapshot, data)[:block_size]
    if len(doc) > block_size:
        raise ConfigError(
            f"the document has {len(doc)} characters, but the model sees {block_size}",
            f"training cuts it there: --doc {doc[:block_size]!r}",
        )
    return doc, snapshot.tokenizer.encode_document(doc)[: block_size + 1]


def _next_document(snapshot: Snapshot, data: str | None) -> str:
    try:
        documents = documents_of(snapshot, data)
    except GlassError as error:
        if data is not None:
            raise
        raise CheckpointError(error.what, "name a document, --doc, or that file, --data") from None
    return Session.resumed(snapshot, documents).document(snapshot.step)


# -- the number


def _explained(p: Pass, place: Address, about: str, depth: int, most: int | None) -> Branch:
    told = explain(p, str(place))
    accounts = {"made of": told.value, "gradient": told.gradient}
    focus = "gradient" if place.kind == "grad" else "made of"
    root = Branch(f"{place} = {accounts[focus].number!r}", "bold")
    root.add(told.words)
    root.add(told.sentence, DIM)
    root.add(about, DIM)
    for title in sorted(accounts, key=lambda title: title != focus):
        account = accounts[title]
        shown = f"{title}: " if title == "made of" else f"{title} {account.number!r}: "
        branch = root.add(shown + account.formula)
        branch.add(f"= {account.numbers}")
        _add_terms(branch, p, account, depth if title == focus else 1, most, place.kind)
        _add_lines(branch, account.lines)
    if told.update:
        _add_ledger(root, told.update)
    return root


def _add_terms(
    branch: Branch, p: Pass, account: Account, depth: int, most: int | None, kind: str
) -> None:
    """Hang the largest terms below, and below each the numbers that it is made of."""
    if account.total_name:
        branch = branch.add(f"{account.total_name} = {account.total:.10g}")
    shown, left = account.terms[:most], account.terms[most:] if most else ()
    for term, text in zip(shown, _columns(list(map(_told, shown))), strict=True):
        below = branch.add(text, UP if term.amount > 0 else DOWN)
        for factor in term.factors if depth > 1 else ():
            if factor.address and (kind == "grad") == factor.address.startswith("grad:"):
                _add_number(below, p, parse_address(factor.address), depth - 1, most)
    if left:
        rest = sum(term.amount for term in left)
        branch.add(f"and {len(left)} more, which add up to {figure(rest)} (--all shows them)", DIM)


def _add_number(branch: Branch, p: Pass, place: Address, depth: int, most: int | None) -> None:
    told = explain(p, str(place))
    account = told.gradient if place.kind == "grad" else told.value
    if account.terms:
        below = branch.add(f"{_walkable(str(place))} = {account.numbers}")
        _add_terms(below, p, account, depth, most, place.kind)


def _told(term: Term) -> tuple[str, str, str, str]:
    """Return the columns of a term."""
    factors = " · ".join(_walkable(factor.address) or factor.name for factor in term.factors)
    return figure(term.amount), f"= {term.numbers}", term.label, factors


def _walkable(address: str) -> str:
    """Return what to type to go on from here."""
    return address.removeprefix("value:")


def _add_lines(branch: Branch, lines: Sequence[Line]) -> None:
    for line in lines:
        branch.add(f"{line.file}:{line.number}  {line.source}", DIM)


def _columns(rows: Sequence[Sequence[str]]) -> list[str]:
    """Return rows as lines whose columns stand below each other."""
    widths = [max(map(_width, column)) for column in zip(*rows, strict=True)]
    return [
        "  ".join(cell + " " * (width - _width(cell)) for cell, width in zip(row, widths)).rstrip()
        for row in rows
    ]


def _width(text: str) -> int:
    """Return how many cells a text takes: the hat of m̂ takes none."""
    return sum(not combining(c) for c in text)


# -- of a weight


def _add_ledger(root: Branch, update: Ledger) -> None:
    branch = root.add(f"update {update.step:,} makes it {update.new_weight!r}")
    for text in _columns(list(map(_entry, update.entries))):
        branch.add(text)


def _entry(entry: Entry) -> tuple[str, str, str, str]:
    made = f"{entry.name} = {entry.formula}", f"= {entry.numbers}", f"= {figure(entry.number)}"
    return (*made, f"{entry.line.file}:{entry.line.number}")


def _add_nudge(root: Branch, check: Nudge) -> None:
    branch = root.add(
        f"nudged by {check.epsilon:g} both ways, the loss has the slope {check.slope!r}"
    )
    branch.add(f"{check.formula} = {check.numbers}")
    apart = abs(check.slope - check.grad)
    branch.add(
        f"the gradient is {check.grad!r}: {apart:.1g} apart, where {check.error:.1g} is allowed"
    )
    if check.switches:
        branch.add(f"{check.switches} ReLUs switch on or off on the way: the loss has a kink there")


# -- in the graph


def _add_graph(root: Branch, graph: Graph, place: Address) -> None:
    branch = root.add(
        f"the graph of this loss: {graph.node_count:,} nodes, {graph.edge_count:,} edges"
    )
    try:
        number = graph.find(str(place))
    except AddressError as error:  # no mistake: this document's loss does without the number
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
        f"the strongest of {path.ways:,} ways from the loss, {len(path.nodes) - 1} steps: "
        f"it brings {figure(path.product)} of the gradient {figure(path.grad)}"
    )
    for i in path.nodes:
        if graph.node(i).names:
            below.add(_node(graph.node(i)))


def _node(node: Node) -> str:
    name = " = ".join(map(_walkable, node.names)) or ("constant" if not node.op else "")
    words = (f"#{node.number:,}", node.op, name, f"data {figure(node.data)}")
    return "  ".join(word for word in words if word) + f"  grad {figure(node.grad)}"
