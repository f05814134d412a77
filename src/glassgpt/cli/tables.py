"""Tables: drawn by Rich on a terminal, plain columns elsewhere."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from glassgpt.cli.terminal import on_terminal, say, visible

if TYPE_CHECKING:
    from rich.table import Table


def show_table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print rows under a head; the first column is left-aligned, the others right-aligned."""
    rows = [[visible(cell) for cell in row] for row in rows]
    if on_terminal():
        from rich.console import Console

        Console().print(rich_table(head, rows))
        return
    widths = [max(len(row[i]) for row in (head, *rows)) for i in range(len(head))]
    for row in (head, *rows):
        first, *others = (cell.rjust(width) for cell, width in zip(row, widths, strict=True))
        say("  ".join((first.strip().ljust(widths[0]), *others)).rstrip())


def rich_table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> Table:
    """Return the table as Rich draws it."""
    from rich.box import SIMPLE_HEAD
    from rich.table import Table
    from rich.text import Text

    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    for i, name in enumerate(head):
        table.add_column(name, justify="left" if i == 0 or not name else "right")
    for row in rows:
        table.add_row(*(Text(visible(cell)) for cell in row))  # no markup: [b] is what a user wrote
    return table
