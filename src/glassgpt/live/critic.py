"""The critic: beside training it has the model write, and measures it.

Samples, the loss on what is held out, the yardsticks. It never holds up a picture, and while time
runs it rests longer than it works.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import asdict, dataclass, field
from typing import Protocol, TypeVar

from glassgpt.errors import DivergenceError, GlassError
from glassgpt.live import protocol
from glassgpt.live.connection import Listener
from glassgpt.live.exhibit import Exhibit
from glassgpt.live.pacing import Contention

SLICE = 0.003  # seconds of writing at a time: a picture that falls due meanwhile is not late
LONG = 0.02  # seconds: a slice that a slow engine does not keep
SAMPLES_REST = 4  # while time runs: how many times as long as it took is waited
HELD_OUT_REST = 10
YIELD = 3  # how many times as long as a frame all this is delayed where the cores are busy

Result = TypeVar("Result")


class Work(Protocol):
    """What runs a job that computes without holding up others."""

    def __call__(self, job: Callable[[], Result]) -> Awaitable[Result]:
        """Run it."""


@dataclass(slots=True)
class _Writing:
    """A draw of samples under way, from the weights after `step` updates."""

    step: int
    samples: Iterator[protocol.Written | None]
    done: list[protocol.Written] = field(default_factory=list)
    finished: bool = False

    def go_on(self) -> None:
        """Draw for about a slice of time."""
        end = time.perf_counter() + SLICE
        for sample in self.samples:
            if sample is not None:
                self.done.append(sample)
            if time.perf_counter() > end:
                return
        self.finished = True


class Critic:
    """Reads one run, and tells whoever listens."""

    def __init__(self, exhibit: Exhibit, work: Work, contention: Contention) -> None:
        self._exhibit = exhibit
        self._work = work
        self._contention = contention
        self._measures: protocol.Measures | None = None
        self._counting = exhibit.measures()
        self.tell_all_again()

    def tell_all_again(self) -> None:
        """Begin anew, for a page that knows nothing."""
        self._measures_told = self._compared_told = False
        self.waits = False  # for the page to take one more event: the next is no frame
        self._told = 0  # the number of the last event from here that has one
        self.look_again()

    def look_again(self) -> None:
        """Draw and measure anew: another branch is shown."""
        self._judged_at, self._judge_after = -1, 0.0
        self.write_again()

    def write_again(self) -> None:
        """Draw anew: it was asked to be done otherwise."""
        self._writing: _Writing | None = None
        self._written_at, self._write_after = -1, 0.0

    def wait(self) -> float:
        """Return the seconds until there may be something to write."""
        if self._written_at == self._exhibit.session.step:
            return 1.0
        return self._write_after - time.perf_counter()

    async def do(self, page: Listener, moving: bool) -> bool:
        """Do one piece of work, if one is due, and return whether there was one."""
        self.waits = False
        return (
            await self._write(page, moving)
            or await self._measure(page)
            or await self._judge(page, moving)
            or await self._compare(page)
        )

    def _wait(self, page: Listener) -> bool:
        """Have the next event of the page be one from here, if the last one was a frame."""
        self.waits = page.sent > self._told
        return False

    async def _measure(self, page: Listener) -> bool:
        """Count the yardsticks once, a slice of time in each turn."""
        if self._measures_told:
            return False
        if self._measures is None:
            await self._work(self._count)
        if self._measures is not None:
            self._measures_told = True
            await page.tell(self._measures)
        return True

    def _count(self) -> None:
        """Count for about a slice of time."""
        end = time.perf_counter() + SLICE
        for found in self._counting:
            self._measures = found
            if found is not None or time.perf_counter() > end:
                return

    async def _write(self, page: Listener, moving: bool) -> bool:
        """Draw a few more samples; send them when all are there."""
        step = self._exhibit.session.step
        now = time.perf_counter()
        resting = moving and now < self._write_after
        if resting or (self._writing is None and self._written_at == step):
            return False
        if self._writing is None:
            self._writing = _Writing(step, self._exhibit.samples())
        writing = self._writing
        if not writing.finished:
            try:
                await self._work(writing.go_on)
            except GlassError as error:
                self._writing, self._written_at = None, step
                await page.refuse("Sample", error)
                return True
            took = time.perf_counter() - now
            if self._written_at >= 0 or took > LONG:  # the first ones of a quick model do not rest
                self._write_after = (
                    now + SAMPLES_REST * (took + YIELD * self._contention.delay) + 0.03
                )
        if not writing.finished:
            return True
        if not page.credit:
            return self._wait(page)
        self._writing, self._written_at = None, writing.step
        self._told = page.sent + 1
        await page.tell(self._samples(page, writing))
        return True

    def _samples(self, page: Listener, writing: _Writing) -> protocol.Samples:
        exhibit = self._exhibit
        return protocol.Samples(
            page.sent + 1,
            exhibit.branches.current.number,
            writing.step,
            asdict(exhibit.sampling),
            exhibit.sample_seed,
            writing.done,
            exhibit.link(),
        )

    async def _judge(self, page: Listener, moving: bool) -> bool:
        """Measure the held-out loss, where an engine is quick enough."""
        step = self._exhibit.session.step
        now = time.perf_counter()
        if self._exhibit.judge is None or self._judged_at == step:
            return False
        if moving and now < self._judge_after:
            return False
        if not page.credit:
            return self._wait(page)
        self._judged_at = step
        seq = page.sent + 1
        try:
            event = await self._work(lambda: self._exhibit.held_out(seq))
        except DivergenceError:
            return True
        took = time.perf_counter() - now + YIELD * self._contention.delay
        self._judge_after = now + max(0.5, HELD_OUT_REST * took)
        self._told = seq
        await page.tell(event)
        return True

    async def _compare(self, page: Listener) -> bool:
        """Say of the slow engine, once, that it computes what the fast one does."""
        if self._compared_told or self._exhibit.session.engine.name != "scalar":
            return False
        self._compared_told = True
        compared = await self._work(self._exhibit.compared)
        if compared is not None:
            await page.tell(compared)
        return True
