"""Branches: a tree of runs, one of which is current.

A change at some step forks the current run: the new branch shares its past, and both are kept. If
nothing was trained since the fork, another change is added to the same fork. A fork starts at the
position of the current branch.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace

from glassgpt.errors import ConfigError
from glassgpt.model.parameters import count
from glassgpt.training.history import BUDGET, History
from glassgpt.training.interventions import (
    Ablate,
    Change,
    Edit,
    Intervention,
    Interventions,
    Tune,
)
from glassgpt.training.snapshot import Snapshot

MAX_BRANCHES = 8
MAX_PARAMETERS = 4_000_000  # of all branches together: each has an engine, and snapshots


@dataclass(frozen=True, slots=True)
class Branch:
    """One run of the tree: the branch `parent` with `changes`.

    `before` is the state at the fork, if all changes are at its step. A `parent` of None marks the
    root of a tree; `run` is the number of that root.
    """

    number: int
    parent: int | None
    run: int
    changes: Interventions
    before: Snapshot | None
    history: History

    @property
    def fork(self) -> int:
        """The position where it begins to differ from its parent."""
        return self.changes[0].step if self.changes else self.history.begin

    @property
    def fresh(self) -> bool:
        """Whether nothing was trained since the fork."""
        at = self.history.session.step
        return self.before is not None and at == self.history.reached == self.changes[-1].step


class Branches:
    """The tree. A method that raises `ConfigError` does not change it."""

    def __init__(self, history: History, budget: int = BUDGET) -> None:
        self._budget = budget
        self._made = 0
        self._all: dict[int, Branch] = {}
        self._undone: list[Branch] = []
        self.current = self.begin(history)

    def __iter__(self) -> Iterator[Branch]:
        return iter(self._all.values())

    def __getitem__(self, number: int) -> Branch:
        if number not in self._all:
            raise ConfigError(f"there is no branch {number}", f"choose one of: {self._names()}")
        return self._all[number]

    def __len__(self) -> int:
        return len(self._all)

    # -- growing

    def begin(self, history: History) -> Branch:
        """Add the root of a new tree, which becomes the current branch."""
        self._make_room(history)
        number = self._made + 1
        return self._show(Branch(number, None, number, (), None, history))

    def follow(self, changes: Interventions) -> Branch:
        """Fork the current branch by changes at its position or later, as in a link."""
        here = self.current
        self._make_room(here.history)
        before = here.history.session.snapshot()
        history = here.history.forked(before, changes)
        start = before if changes[-1].step == before.step else None
        return self._show(Branch(self._made + 1, here.number, here.run, changes, start, history))

    def intervene(self, change: Change) -> Branch:
        """Change the current branch at its position: fork it, or add to a fresh fork."""
        here = self.current
        step = here.history.session.step
        if here.fresh and here.before is not None:
            made = _joined(here.changes, Intervention(step, change))
            return self._show(self._again(here, here.before, made))
        return self.follow((Intervention(step, change),))

    def _again(self, branch: Branch, before: Snapshot, changes: Interventions) -> Branch:
        parent = self._all.get(branch.parent or 0, branch)
        return replace(branch, changes=changes, history=parent.history.forked(before, changes))

    # -- choosing

    def choose(self, number: int) -> Branch:
        """Make another branch the current one."""
        self.current = self[number]
        self._undone.clear()
        return self.current

    def drop(self, number: int) -> None:
        """Forget a branch; those forked from it are then forks of its parent."""
        gone = self[number]
        if gone is self.current:
            raise ConfigError(f"branch {number} is shown", "choose another branch first")
        del self._all[number]
        self._undone.clear()
        for child in [b for b in self if b.parent == number]:
            self._all[child.number] = _adopted(child, gone)
        self.current = self._all[self.current.number]
        self._share()

    def undo(self) -> Branch:
        """Undo the last change: return to the branch before it. Training since then is kept."""
        here = self.current
        if here.parent is None:
            raise ConfigError("this run has not been changed", "there is nothing to undo")
        self._undone.append(here)
        while sum(_size(branch.history) for branch in self._undone) > MAX_PARAMETERS:
            del self._undone[0]
        if here.fresh and here.before is not None and len(here.changes) > 1:
            again = self._again(here, here.before, here.changes[:-1])
            self.current = self._all[here.number] = again
        else:
            if here.fresh:
                del self._all[here.number]
            self.current = self[here.parent]
        self._share()
        return self.current

    def redo(self) -> Branch:
        """Make the last undone change again."""
        if not self._undone:
            raise ConfigError("nothing has been undone", "there is nothing to redo")
        self.current = self._undone.pop()
        self._all[self.current.number] = self.current
        self._share()
        return self.current

    @property
    def can_redo(self) -> bool:
        """Whether a change was undone, and none was made since."""
        return bool(self._undone)

    def common(self, a: Branch, b: Branch) -> int:
        """Return the last position up to which two branches are the same run."""
        above, step = dict(self._line(a)), math.inf
        for number, until in self._line(b):
            if number in above:
                step = min(until, above[number], a.history.reached, b.history.reached)
                return int(step)
        return 0

    def _line(self, branch: Branch) -> Iterator[tuple[int, float]]:
        """Yield the branch and its ancestors, each with the position up to which they agree."""
        step = math.inf
        yield branch.number, step
        while branch.parent is not None:
            step = min(step, branch.fork)
            yield branch.parent, step
            branch = self[branch.parent]

    # -- bounds

    def _show(self, branch: Branch) -> Branch:
        self._made = max(self._made, branch.number)
        self.current = self._all[branch.number] = branch
        self._undone.clear()
        self._share()
        return branch

    def _make_room(self, history: History) -> None:
        if len(self._all) >= MAX_BRANCHES:
            raise ConfigError(
                f"there are {MAX_BRANCHES} branches, which is the limit",
                f"drop one first: {self._names(but=self.current.number)}",
            )
        total = sum(map(_size, (history, *(branch.history for branch in self))))
        if self._all and total > MAX_PARAMETERS:
            raise ConfigError(
                f"all branches together would have {total:,} parameters; "
                f"the limit is {MAX_PARAMETERS:,}",
                f"begin a smaller model, or drop one first: {self._names(self.current.number)}",
            )

    def _names(self, but: int | None = None) -> str:
        return ", ".join(str(number) for number in self._all if number != but) or "there is none"

    def _share(self) -> None:
        """Divide the memory for snapshots evenly."""
        for branch in self:
            branch.history.limit(self._budget // len(self))


def _size(history: History) -> int:
    return count(history.session.config, history.session.tokenizer.vocab_size)


def _joined(changes: Interventions, more: Intervention) -> Interventions:
    """Return the changes and one more, which replaces the last if both have the same target."""
    last = changes[-1].change
    if _target(last) != _target(more.change):
        return (*changes, more)
    if isinstance(last, Tune) and isinstance(more.change, Tune):
        merged = {**dict(last.changes), **dict(more.change.changes)}
        more = replace(more, change=Tune(tuple(merged.items())))
    return (*changes[:-1], more)


def _target(change: Change) -> object:
    match change:
        case Tune():
            return Tune
        case Edit(param, row, column):
            return param, row, column
        case Ablate():
            return change.name
        case _:
            return change


def _adopted(child: Branch, gone: Branch) -> Branch:
    """Return `child` as a fork of the parent of `gone`, with the changes of `gone` added."""
    if gone.parent is None:
        return replace(child, parent=None)
    passed = tuple(done for done in gone.changes if done.step <= child.fork)
    before = None if passed else child.before
    return replace(child, parent=gone.parent, changes=passed + child.changes, before=before)
