"""`glassgpt explain`: any number of a saved model as a tree of the numbers it is computed from."""

from __future__ import annotations

from math import isclose
from pathlib import Path

import click
from click.shell_completion import CompletionItem

from glassgpt.analysis.explain import gradient_check, pass_through
from glassgpt.analysis.graph import Graph
from glassgpt.arrays import numbers
from glassgpt.cli.checkpoints import read_checkpoint
from glassgpt.cli.documents import data_of
from glassgpt.cli.explanation import add_gradient_check, add_graph, explained
from glassgpt.cli.options import Place, chosen_engine
from glassgpt.cli.terminal import command_line
from glassgpt.cli.trees import show_tree
from glassgpt.engines import create
from glassgpt.errors import CheckpointError, ConfigError, EngineError, GlassError, counted
from glassgpt.model.address import extents
from glassgpt.model.state import State
from glassgpt.training.checkpoint import load_checkpoint
from glassgpt.training.session import Session
from glassgpt.training.snapshot import Snapshot


def _complete(context: click.Context, _: click.Parameter, typed: str) -> list[CompletionItem]:
    """Return the addresses, without an index, that complete the typed text."""
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
@click.argument("directory", type=Place())
@click.argument("address", default="loss", shell_complete=_complete)
@click.option(
    "--doc", help="Document to run through the model.  [default: the next training document]"
)
@click.option(
    "--data", help="The text file that the model was trained on, if not the built-in names."
)
@click.option(
    "--step",
    type=click.IntRange(0),
    help="Explain the run after this many updates, by training it again up to there.",
)
@click.option(
    "--grad", is_flag=True, help="Explain the gradient: the same as grad: before the address."
)
@click.option(
    "--depth",
    type=click.IntRange(1, 9),
    default=1,
    show_default=True,
    help="Depth of the tree of inputs.",
)
@click.option(
    "--terms",
    type=click.IntRange(1),
    default=5,
    show_default=True,
    help="Number of terms to show of a sum, the largest first.",
)
@click.option("--all", "every", is_flag=True, help="Show every term.")
@click.option(
    "--graph",
    is_flag=True,
    help="Show the number's node in the autograd graph, and the strongest path to it.",
)
def explain_command(
    directory: Path,
    address: str,
    doc: str | None,
    data: str | None,
    step: int | None,
    grad: bool,
    depth: int,
    terms: int,
    every: bool,
    graph: bool,
) -> None:
    """Explain one number of the model in DIRECTORY: what it is computed from, and what uses it.

    A number has an ADDRESS: the name of an array and an index, [position,channel] inside the model
    and [output,input] in a weight matrix. Each number of the tree is shown with its address, to
    explain next. Without an address the loss is explained.

    \b
    glassgpt explain run --doc emma                            the loss, position by position
    glassgpt explain run 'layer0.attn.q[3,7]' --doc emma       a query: weights times channels
    glassgpt explain run 'grad:embd[2,5]' --doc emma --depth 2 a gradient, two users back
    glassgpt explain run 'wte[4,3]' --doc emma --step 50       a weight: its update number 51

    \b
    weights  wte wpe lm_head, layer0.attn_wq attn_wk attn_wv attn_wo mlp_fc1 mlp_fc2
    inside   tok pos embd norm.scale norm, logits probs losses loss,
             layer0.attn. norm.scale norm q k v scores weights heads out resid,
             layer0.mlp. norm.scale norm fc1 relu fc2 resid
    kinds    value: (or nothing), grad:, and of weights m: and v:, Adam's moments
    """
    snapshot = read_checkpoint(directory)
    if step is not None:
        snapshot = _rewound(snapshot, step, data)
    engine = create(
        chosen_engine(None, snapshot.engine), snapshot.config, snapshot.tokenizer.vocab_size
    )
    text, tokens = _document(snapshot, doc, data)
    config, tokenizer = snapshot.config, snapshot.tokenizer
    p = pass_through(engine, config, tokenizer, snapshot.step, snapshot.state, tokens)
    place = p.address(f"grad:{address.rpartition(':')[2]}" if grad else address)
    about = (
        f"document {text!r}, after {counted(snapshot.step, 'update')}, by the {engine.name} engine"
    )
    root = explained(p, place, about, depth, None if every else terms)
    if place.name in p.state.params:
        add_gradient_check(root, gradient_check(engine, p, place))
    if graph:
        try:
            opened = Graph(config, tokenizer.vocab_size, snapshot.state, tokens)
        except EngineError as error:
            root.add(error.what)
        else:
            add_graph(root, opened, place)
    show_tree(root)


def _document(snapshot: Snapshot, doc: str | None, data: str | None) -> tuple[str, list[int]]:
    """Return the document of --doc, or the next training document, and its tokens."""
    block_size = snapshot.config.block_size
    if doc is None:
        doc = _next_document(snapshot, data)[:block_size]
    if len(doc) > block_size:
        raise ConfigError(
            f"the document has {counted(len(doc), 'character')}, but the model sees {block_size}",
            f"shorten it as training does: {command_line('--doc', doc[:block_size])}",
        )
    return doc, snapshot.tokenizer.encode_document(doc)[: block_size + 1]


def _next_document(snapshot: Snapshot, data: str | None) -> str:
    documents = _documents(snapshot, data, "name a document, --doc, or that file, --data")
    return Session.resumed(snapshot, documents).document(snapshot.step)


def _documents(snapshot: Snapshot, data: str | None, hint: str) -> list[str]:
    try:
        return data_of(snapshot.recipe, data).documents
    except GlassError as error:
        if data is not None:
            raise
        raise CheckpointError(error.what, hint) from None


def _rewound(snapshot: Snapshot, step: int, data: str | None) -> Snapshot:
    """Return the run after `step` updates, by training it again, to its end as a check."""
    if step > snapshot.step:
        raise ConfigError(
            f"--step is {step:,}, but the run has taken {counted(snapshot.step, 'step')}",
            f"give --step {snapshot.step} or less",
        )
    documents = _documents(snapshot, data, "--step trains again: name that file, --data")
    end = Session.resumed(snapshot, documents)  # checks that they are its documents
    recipe = snapshot.recipe
    again = Session(recipe.config, documents, engine=end.engine.name, data_name=recipe.data_name)
    again.replay(step, recipe)
    then = again.snapshot()
    again.replay(snapshot.step - step, recipe)
    if not _alike(again.engine.state(), snapshot.state):
        raise CheckpointError(
            "training this run again does not give the weights in the file",
            "omit --step",
        )
    return then


def _alike(a: State, b: State) -> bool:
    """Return whether two states are equal up to the rounding of different processors."""
    return all(
        isclose(x, y, rel_tol=1e-6, abs_tol=1e-6)
        for name in a.params
        for x, y in zip(numbers(a.params[name]), numbers(b.params[name]), strict=True)
    )
