"""Tables: by Rich where people look, as plain columns where programs read."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from rich.table import Table


def show_table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print rows under a head; the first column reads from the left, others from the right."""
    if sys.stdout.isatty():
        from rich.console import Console

        Console().print(rich_table(head, rows))
        return
    widths = [max(len(row[i]) for row in (head, *rows)) for i in range(len(head))]
    for row in (head, *rows):
        first, *others = (cell.rjust(width) for cell, width in zip(row, widths, strict=True))
        click.echo("  ".join((first.strip().ljust(widths[0]), *others)).rstrip())


def rich_table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> Table:
    """Return the table as Rich draws it."""
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    for i, name in enumerate(head):
        table.add_column(name, justify="left" if i == 0 or not name else "right")
    for row in rows:
        table.add_row(*row)
    return table
