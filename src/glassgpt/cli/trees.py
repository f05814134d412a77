"""Trees: drawn by Rich on a terminal, plain lines elsewhere."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from glassgpt.cli.terminal import on_terminal, say, visible

if TYPE_CHECKING:
    from rich.tree import Tree


@dataclass
class Branch:
    """A line of text in a Rich `style`, and its children."""

    text: str
    style: str = ""
    below: list[Branch] = field(default_factory=list)

    def add(self, text: str, style: str = "") -> Branch:
        """Add a child with this line, and return it."""
        self.below.append(Branch(text, style))
        return self.below[-1]


def show_tree(root: Branch) -> None:
    """Print a tree."""
    if on_terminal():
        from rich.console import Console

        Console(highlight=False).print(_rich(root))
        return
    for line in _plain(root):
        say(line)


def _rich(branch: Branch) -> Tree:
    from rich.text import Text
    from rich.tree import Tree

    tree = Tree(Text(visible(branch.text), style=branch.style), guide_style="dim")
    tree.children = [_rich(each) for each in branch.below]
    return tree


def _plain(branch: Branch, depth: int = 0) -> Iterator[str]:
    yield "  " * depth + visible(branch.text)
    for each in branch.below:
        yield from _plain(each, depth + 1)
