"""A run as a Python script that trains it again: its settings, its documents, its changes.

A few documents are written into the script. More are read from a file next to it, which the page
also saves and the script checks.
"""

from __future__ import annotations

import textwrap
from collections.abc import Sequence

from glassgpt.data import documents as data
from glassgpt.live.workspace import Workspace
from glassgpt.model.config import Config, Sampling, settings
from glassgpt.training.session import Session

MOST_WRITTEN = 2**16  # characters of documents in the script itself
HEAD = '"""The run that was on the page, as a script: pip install glassgpt."""'


def script(workspace: Workspace) -> bytes:
    """Return a script that trains the run up to its position and draws its samples."""
    session = workspace.session
    names, documents = _documents(session, workspace.tools.source.documents)
    body = [
        *documents,
        f"session = Session({_call(workspace.history.recipe.config)}, documents, "
        f"engine={session.engine.name!r}, data_name={session.recipe.data_name!r}, "
        f"cut={session.recipe.cut!r})",
        *_training(session),
        *([] if workspace.sample_seed is None else [f"session.rng.seed({workspace.sample_seed})"]),
        f"for text in session.sample({_call(workspace.sampling)}):",
        "    print(text)",
    ]
    changes = {type(done.change).__name__ for done in session.recipe.interventions}
    imported = sorted({"Config", "Sampling", "Session", *names, *changes})
    lines = [HEAD, "", f"from glassgpt import {', '.join(imported)}", "", *body, ""]
    return "\n".join(lines).encode()


def documents_name(session: Session) -> str:
    """Return the name of the file that the documents of a run are saved in."""
    return f"glassgpt-documents-{session.recipe.data_sha256[:8]}.txt"


def as_lines(documents: Sequence[str]) -> bytes:
    """Return documents as a file that `read_documents` reads as the same ones."""
    mark = "\ufeff" * documents[0].startswith("\ufeff")  # a decoder drops the first one
    return (mark + "".join(f"{text}\n" for text in documents)).encode()


def _documents(session: Session, documents: Sequence[str]) -> tuple[list[str], list[str]]:
    """Return what is imported from glassgpt for the documents, and the lines that make them."""
    if session.recipe.data_name == data.BUILTIN:
        return ["builtin_names"], ["documents = builtin_names()"]
    if sum(map(len, documents)) <= MOST_WRITTEN:
        return [], ["documents = [", *(f"    {text!r}," for text in documents), "]"]
    text = f"""\
    from pathlib import Path

    path = Path(__file__).with_name({documents_name(session)!r})  # saved by: Save → Documents
    documents = read_documents(path)
    if fingerprint(documents) != {session.recipe.data_sha256!r}:
        raise SystemExit(f"{{path}}: not the documents of this run (on its page: Save → Documents)")
    """
    return ["fingerprint", "read_documents"], textwrap.dedent(text).splitlines()


def _call(values: Config | Sampling) -> str:
    """Return the expression that makes settings: defaults are left out."""
    owner = type(values)
    changed = (
        f"{setting.name}={getattr(values, setting.name)!r}"
        for setting in settings(owner)
        if getattr(values, setting.name) != setting.default
    )
    return f"{owner.__name__}({', '.join(changed)})"


def _training(session: Session) -> list[str]:
    """Return the lines that train the run up to its position, with its interventions."""
    lines: list[str] = []
    step = 0
    for done in session.recipe.interventions:
        lines += [*_steps(done.step - step), f"session.apply({done.change!r})"]
        step = done.step
    return lines + _steps(session.step - step)


def _steps(count: int) -> list[str]:
    if not count:
        return []
    return [
        f"for record in session.run({count}):",
        '    print(f"step {record.step} loss {record.loss:.4f} {record.document}")',
    ]
