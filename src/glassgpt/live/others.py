"""The other branches, beside the one that is shown: what they are, their curves, how one differs.

While time runs only what has changed is told. At rest the branch that is compared is brought to the
same position, a slice of time at a stretch, and then writes and is measured too.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import asdict
from typing import Protocol, TypeVar

from glassgpt.analysis.comparison import Parting, first_difference
from glassgpt.analysis.glass import Glass
from glassgpt.arrays import array
from glassgpt.errors import DivergenceError, GlassError
from glassgpt.live import protocol
from glassgpt.live.connection import Listener
from glassgpt.live.exhibit import Exhibit
from glassgpt.live.pacing import SLICE
from glassgpt.training.branches import Branch
from glassgpt.training.session import Session

Result = TypeVar("Result")


class Work(Protocol):
    """What runs a job that computes without holding up others."""

    def __call__(self, job: Callable[[], Result]) -> Awaitable[Result]:
        """Run it."""


class Others:
    """Tells whoever listens of the branches that are not shown.

    `beside` is the number of the branch that is compared; `watched` returns the text that the
    machine is kept to, if it is.
    """

    def __init__(self, exhibit: Exhibit, work: Work, watched: Callable[[], str | None]) -> None:
        self._exhibit = exhibit
        self._work = work
        self.beside: int | None = None
        self._watched = watched
        self._glasses: dict[int, Glass] = {}  # by run: drawing here must not disturb what is shown
        self.tell_all_again()

    def tell_all_again(self) -> None:
        """Begin anew, for a page that knows nothing."""
        self._tree: protocol.Branches | None = None
        self._curves: dict[int, tuple[int, int]] = {}
        self._priced: set[int] = set()
        self._compared: object = None
        self._writing: tuple[object, list[protocol.Written] | None] = (None, None)

    async def do(self, page: Listener, moving: bool) -> bool:
        """Do one piece of work, if one is due, and return whether there was one."""
        return (
            await self._tell_tree(page)
            or await self._tell_curve(page)
            or await self._tell_price(page)
            or (not moving and await self._compare(page))
        )

    # -- what they are

    async def _tell_tree(self, page: Listener) -> bool:
        branches = self._exhibit.branches
        known = {branch.number for branch in branches} - {branches.current.number}
        if self.beside not in known:
            parent = branches.current.parent
            self.beside = parent if parent is not None else next(iter(sorted(known)), None)
        tree = self._exhibit.tree(self.beside)
        if tree == self._tree:
            return False
        self._tree = tree
        await page.tell(tree)
        return True

    async def _tell_curve(self, page: Listener) -> bool:
        """Send the losses of a branch that has other ones than were told."""
        branches = self._exhibit.branches
        for branch in branches:
            history = branch.history
            first = min(max(branch.fork, history.begin), history.reached)
            told = (history.version, history.reached)
            if branch is branches.current:
                self._curves.pop(branch.number, None)
            elif self._curves.get(branch.number) != told:
                self._curves[branch.number] = told
                own = history.losses[first:]
                arrays = {"losses": array(own, (len(own),))} if own else {}
                event = protocol.Curve(branch.number, first, protocol.heads(arrays))
                await page.tell(event, list(arrays.values()))
                return True
        return False

    async def _tell_price(self, page: Listener) -> bool:
        """Say once for each fork what it cost."""
        branch = self._exhibit.branches.current
        if branch.history.version in self._priced:
            return False
        self._priced.add(branch.history.version)
        try:
            price = await self._work(lambda: self._exhibit.price(branch))
        except DivergenceError:  # a weight so large that nothing can be measured
            return True
        if price is not None:
            await page.tell(price)
        return True

    # -- how one differs

    async def _compare(self, page: Listener) -> bool:
        if self.beside is None:
            return False
        exhibit, other = self._exhibit, self._exhibit.branches[self.beside]
        key = self._key(other)
        if key == self._compared:
            return False
        await self._go_on(page, other, key)
        return exhibit.branches.current is not other

    def _key(self, other: Branch) -> object:
        """What a comparison depends on; another one begins where it changes."""
        exhibit = self._exhibit
        here = exhibit.branches.current
        drawn = (exhibit.sampling, exhibit.sample_seed, self._watched())
        ours, theirs = here.history, other.history
        places = (ours.version, ours.session.step, ours.reached, theirs.version, theirs.reached)
        return (*places, *drawn)

    async def _go_on(self, page: Listener, other: Branch, key: object) -> None:
        """Do the next piece of comparing: approach, draw, tell the samples, tell the difference."""
        step = min(self._exhibit.session.step, other.history.reached)
        if other.history.session.step != step:
            await self._work(lambda: _approach(other, step))
        elif self._writing[0] != key:
            self._writing = (key, None)
        elif self._writing[1] is None:
            self._writing = (key, await self._work(lambda: self._drawn(other)))
        elif page.credit:
            self._compared = key
            await page.tell(self._samples(page, other, self._writing[1]))
            await page.tell(await self._work(lambda: self._difference(other)))

    def _drawn(self, other: Branch) -> list[protocol.Written]:
        """Return what a branch writes; nothing where it cannot draw like that, or diverged."""
        try:
            return [one for one in self._exhibit.samples(other, self._glass(other)) if one]
        except GlassError:
            return []

    def _glass(self, branch: Branch) -> Glass:
        session = branch.history.session
        if branch.run not in self._glasses:
            glass = Glass(session.engine.name, session.config, session.tokenizer)
            self._glasses = {branch.run: glass}
        return self._glasses[branch.run]

    def _samples(
        self, page: Listener, other: Branch, written: list[protocol.Written]
    ) -> protocol.Samples:
        exhibit = self._exhibit
        return protocol.Samples(
            page.sent + 1,
            other.number,
            other.history.session.step,
            asdict(exhibit.sampling),
            exhibit.sample_seed,
            written,
            exhibit.link(),
        )

    def _difference(self, other: Branch) -> protocol.Difference:
        exhibit, here = self._exhibit, self._exhibit.branches.current
        ours, theirs = here.history, other.history
        first = first_difference(ours.losses, theirs.losses, exhibit.branches.common(here, other))
        document, tokens = exhibit.document(self._watched())
        parted, problem = self._parted(here, other, tokens)
        return protocol.Difference(
            branch=other.number,
            step=ours.session.step,
            other_step=theirs.session.step,
            first_step=None if first is None else first + 1,
            document=document,
            site=parted.site,
            index=list(parted.index),
            largest=parted.largest,
            largest_site=parted.largest_site,
            problem=problem,
            held_out=self._held_out(here, other),
        )

    def _parted(self, here: Branch, other: Branch, tokens: Sequence[int]) -> tuple[Parting, str]:
        """Return where the two part on a document, and why that cannot be said where it cannot."""
        ours, theirs = here.history.session, other.history.session
        if ours.step != theirs.step:
            return Parting(), ""
        if _model(ours) != _model(theirs):
            return Parting(), "the two models are of other sizes or letters"
        try:
            return self._glass(other).part(ours.engine.state(), theirs.engine.state(), tokens), ""
        except DivergenceError as error:  # a run that stopped, where it would have gone on
            return Parting(), error.what

    def _held_out(self, here: Branch, other: Branch) -> list[float]:
        if self._exhibit.judge is None:
            return []
        try:
            return [*map(self._exhibit.judged, (here, other))]
        except DivergenceError:
            return []


def _model(session: Session) -> tuple[object, ...]:
    """What two runs must share for their numbers to be compared one by one."""
    config = session.config
    sizes = config.n_layer, config.n_embd, config.n_head, config.block_size
    return (*sizes, session.tokenizer.characters)


def _approach(branch: Branch, step: int) -> None:
    """Bring a branch nearer to a position where it has been, for about a slice of time."""
    history, end = branch.history, time.perf_counter() + SLICE
    history.approach(step)
    while history.session.step < step and time.perf_counter() < end:
        history.advance(1)
