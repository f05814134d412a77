"""The introduction of `train`: the documents, the model, and notes on them."""

from __future__ import annotations

from collections.abc import Iterator

from glassgpt.cli.terminal import say
from glassgpt.data.documents import BUILTIN
from glassgpt.data.segmentation import WAYS, is_prose
from glassgpt.errors import counted, plural, shorten
from glassgpt.model import parameters as params
from glassgpt.training.session import Session

TABLES = (".csv", ".tsv")


def introduce(session: Session) -> None:
    """Print the facts of a run and notes on its documents."""
    config, tokenizer = session.config, session.tokenizer
    facts: list[tuple[str, str, str]] = [
        ("documents", f"{len(session.documents):,}", _origin(session)),
        ("vocabulary", f"{tokenizer.vocab_size:,}", f"{shorten(tokenizer.characters, 40)} and BOS"),
        (
            "parameters",
            f"{params.count(config, tokenizer.vocab_size):,}",
            f"computed by the {session.engine.name} engine",
        ),
    ]
    if session.step:
        left = "" if session.steps_left else "; no step is left, --steps gives more"
        taken = f"{plural(session.step, 'step')} taken of {config.num_steps:,}{left}"
        facts.append(("resumed", f"{session.step:,}", taken))
    for name, number, remark in facts:
        say(f"{name:<11} {number:>9}  {remark}")
    for note in (*_on_length(session), *_on_tables(session)):
        say(f"note: {note}")


def _origin(session: Session) -> str:
    name = session.recipe.data_name
    if name == BUILTIN:
        return BUILTIN
    kind = (session.recipe.cut or "lines").removesuffix("s")
    return f"{plural(len(session.documents), kind)} of {'standard input' if name == '-' else name}"


def _on_length(session: Session) -> Iterator[str]:
    """Yield a note if documents are longer than the context."""
    context = session.config.block_size
    long = [document for document in session.documents if len(document) > context]
    if not long:
        return
    longest = max(long, key=len)
    found = f"{counted(len(longest), 'character')}: {shorten(longest, 30)!r}"
    yield (
        f"{counted(len(long), 'document')} of {len(session.documents):,} "
        f"{'is' if len(long) == 1 else 'are'} longer than the context: only the first "
        f"{counted(context, 'character')} of a document are learned; the longest has {found}"
    )
    if not session.recipe.cut and is_prose(session.documents):
        yield (
            f"this looks like running text; --cut {', '.join(WAYS[:-1])} or {WAYS[-1]} "
            "makes a document of each"
        )


def _on_tables(session: Session) -> Iterator[str]:
    """Yield a note if the documents look like a table, which is read by lines."""
    if session.recipe.data_name.lower().endswith(TABLES) and not session.recipe.cut:
        yield (
            f"{session.recipe.data_name} is read as text: a document is a whole line with all its "
            "columns, and a header line is a document too; to train on one column, save that "
            "column alone"
        )
