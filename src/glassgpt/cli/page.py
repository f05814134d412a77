"""`glassgpt` without a command and `glassgpt open`: the page, with a new run or a saved one."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from glassgpt.cli.checkpoints import read_checkpoint
from glassgpt.cli.documents import cut_option, data_of, read_data
from glassgpt.cli.options import Place
from glassgpt.cli.terminal import open_stdout, say

Command = TypeVar("Command", bound=Callable[..., Any])


def page_options(command: Command) -> Command:
    """Add the options of everything that opens the page."""
    for option in reversed(
        (
            click.option("--data", help="A text file, one document a line, instead of the names."),
            cut_option,
            click.option(
                "--host",
                default="127.0.0.1",
                show_default=True,
                help="Address to bind. Anything but loopback needs the token of the printed link.",
            ),
            click.option(
                "--port",
                type=click.IntRange(0, 65535),
                default=0,
                help="Port to bind; 0 takes a free one.  [default: 0]",
            ),
            click.option(
                "--allow-origin",
                metavar="ORIGIN",
                multiple=True,
                help="Origin of the page behind a proxy, as https://host:8443; repeatable.",
            ),
            click.option(
                "--allow-framing",
                metavar="ORIGIN",
                multiple=True,
                help="A site whose pages may show this page in a frame; repeatable.",
            ),
            click.option(
                "--no-open", is_flag=True, help="Print the address, do not open a browser."
            ),
        )
    ):
        command = option(command)
    return command


def open_page(
    data: str | None,
    way: str | None,
    no_open: bool,
    directory: Path | None = None,
    **options: Any,
) -> None:
    """Serve the page until Ctrl-C; `options` are those of `serve`."""
    # the server takes a tenth of a second to import: only the page needs it
    from glassgpt.live.new_run import Source
    from glassgpt.server.app import serve

    open_stdout()  # the link is printed there: without it nobody could open the page
    snapshot = read_checkpoint(directory) if directory is not None else None
    found = read_data(data, way) if snapshot is None else data_of(snapshot.recipe, data, way)
    source = Source(found.name, tuple(found.documents), found.cut)
    serve(source, snapshot=snapshot, show=not no_open, say=say, **options)


@click.command("open")
@click.argument("directory", type=Place())
@page_options
def open_directory(
    directory: Path, data: str | None, way: str | None, no_open: bool, **options: Any
) -> None:
    """Open the page with the run in DIRECTORY."""
    open_page(data, way, no_open, directory, **options)
