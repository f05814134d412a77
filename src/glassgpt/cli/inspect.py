"""`glassgpt inspect`: a saved model in tables, and how good its loss is."""

from __future__ import annotations

import dataclasses
import sys
from pathlib import Path
from statistics import fmean, pstdev

import click

from glassgpt.analysis.baselines import baselines, seen_count, validation_documents, validation_loss
from glassgpt.arrays import numbers, shape
from glassgpt.cli.checkpoints import read_checkpoint
from glassgpt.cli.documents import data_of
from glassgpt.cli.options import Place, chosen_engine
from glassgpt.cli.tables import show_table
from glassgpt.cli.terminal import say, visible
from glassgpt.engines import ENGINES
from glassgpt.errors import GlassError, counted
from glassgpt.model import parameters as params
from glassgpt.training.link import Experiment, carried, write_link
from glassgpt.training.session import Session
from glassgpt.training.snapshot import Snapshot


@click.command()
@click.argument("directory", type=Place())
@click.option(
    "--data", help="The text file that the model was trained on, if not the built-in names."
)
def inspect(directory: Path, data: str | None) -> None:
    """Show the model in DIRECTORY: its settings, its matrices, and how good its loss is."""
    snapshot = read_checkpoint(directory)
    documents, missing = _documents(snapshot, data)
    _show_settings(snapshot)
    say(f"{'link':<14} #{_link(snapshot, documents)}")
    _show_matrices(snapshot)
    if missing:
        say(f"\nno losses: {missing}\nhint: add --data FILE")
        return
    engine = chosen_engine(None, snapshot.engine)
    _show_losses(Session.resumed(snapshot, documents, engine=engine))


def _documents(snapshot: Snapshot, data: str | None) -> tuple[list[str], str]:
    """Return the documents that it was trained on, or none and the reason."""
    try:
        return data_of(snapshot.recipe, data).documents, ""
    except GlassError as error:
        if data is not None:
            raise
        return [], error.what


def _link(snapshot: Snapshot, documents: list[str]) -> str:
    """Return the link of this run at its step."""
    engine = "" if snapshot.engine == ENGINES[0] else snapshot.engine
    text = carried(documents)
    return write_link(
        Experiment(snapshot.recipe, engine=engine, step=snapshot.step, documents=text)
    )


def _show_settings(snapshot: Snapshot) -> None:
    vocab_size = snapshot.tokenizer.vocab_size
    facts = {
        "step": f"{snapshot.step:,} of {snapshot.config.num_steps:,}",
        "trained on": _origin(snapshot),
        "computed by": f"{snapshot.engine} ({snapshot.instruction_set})",
        "vocabulary": f"{vocab_size}: {snapshot.tokenizer.characters} and BOS",
        "parameters": f"{params.count(snapshot.config, vocab_size):,}",
        **{name: str(value) for name, value in dataclasses.asdict(snapshot.config).items()},
    }
    for name, fact in facts.items():
        say(f"{name:<14} {visible(fact)}")


def _origin(snapshot: Snapshot) -> str:
    cut = f"{snapshot.recipe.cut} of " if snapshot.recipe.cut else ""
    return f"{cut}{snapshot.recipe.data_name} (SHA-256 {snapshot.recipe.data_sha256[:12]}…)"


def _show_matrices(snapshot: Snapshot) -> None:
    rows = []
    for name, a in snapshot.state.params.items():
        weights = numbers(a)
        figures = (fmean(weights), pstdev(weights), min(weights), max(weights))
        size = " × ".join(map(str, shape(a)))
        rows.append((name, size, f"{len(weights):,}", *(f"{figure:+.4f}" for figure in figures)))
    say()
    show_table(("matrix", "shape", "weights", "mean", "std dev", "min", "max"), rows)


def _show_losses(session: Session) -> None:
    documents = validation_documents(session.documents)
    tokens = session.token_lists(documents)
    with click.progressbar(
        length=len(tokens),
        label=f"validation loss, {counted(len(tokens), 'document')}",
        file=sys.stderr,
    ) as bar:
        loss = validation_loss(session.engine, tokens, bar.update)
    everything = [session.tokenizer.encode_document(document) for document in session.documents]
    guesses = baselines(everything, session.tokenizer.vocab_size)
    rows = [(name, f"{value:.4f}", "") for name, value in dataclasses.asdict(guesses).items()]
    seen = seen_count(session.documents, session.step)
    remark = (
        f"the texts of {seen:,} of them have already been used for training"
        if seen
        else "not used for training so far"
    )
    rows.append(
        (
            "validation",
            f"{loss:.4f}",
            f"the model on the last {counted(len(tokens), 'shuffled document')}: {remark}",
        )
    )
    say()
    show_table(("loss", "nats", ""), sorted(rows, key=lambda row: -float(row[1])))
    say("\nunigram, bigram and trigram are counted from all documents and tested on the same")
