"""`glassgpt` alone and `glassgpt open`: the page, with a fresh run or a kept one."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from glassgpt.checkpoint import load_checkpoint
from glassgpt.cli.options import documents_from, documents_of
from glassgpt.cli.terminal import say

Command = TypeVar("Command", bound=Callable[..., Any])


def page_options(command: Command) -> Command:
    """Add the options of everything that opens the page."""
    for option in reversed(
        (
            click.option("--data", help="A text file, one document a line, instead of the names."),
            click.option(
                "--host",
                default="127.0.0.1",
                show_default=True,
                help="Where to listen. Any but this machine's own address needs the printed link.",
            ),
            click.option(
                "--port",
                type=click.IntRange(0, 65535),
                default=0,
                help="Which port; 0 takes a free one.  [default: 0]",
            ),
            click.option("--no-open", is_flag=True, help="Print the address, open no browser."),
        )
    ):
        command = option(command)
    return command


def open_page(
    data: str | None, host: str, port: int, no_open: bool, directory: Path | None = None
) -> None:
    """Serve the page until Ctrl-C."""
    # the server takes a tenth of a second to import: only the page needs it
    from glassgpt.proposal import Source
    from glassgpt.server import serve

    snapshot = load_checkpoint(directory) if directory is not None else None
    if snapshot is None:
        documents, name = documents_from(data)
    else:
        documents, name = documents_of(snapshot, data), snapshot.data_name
    source = Source(name, tuple(documents))
    serve(source, snapshot=snapshot, host=host, port=port, show=not no_open, say=say)


@click.command("open")
@click.argument("directory", type=click.Path(path_type=Path))
@page_options
def open_directory(directory: Path, data: str | None, host: str, port: int, no_open: bool) -> None:
    """Open the page with the run kept in DIRECTORY."""
    open_page(data, host, port, no_open, directory)
