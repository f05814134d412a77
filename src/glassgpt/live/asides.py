"""Asides: what is computed beside the run because a reader asked, a slice of time in each turn.

A complete run of other settings, a band of many seeds, the origins of a probability, the past of a
weight, the scalar engine beside the one that is shown. Of each the newest request counts and ends
the one before; a change to the run ends what belongs to it.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import asdict
from typing import Any, Protocol, TypeVar

from glassgpt.analysis.attribution import Origins
from glassgpt.analysis.glass import sampled
from glassgpt.analysis.preview import Band, Imagined
from glassgpt.analysis.verify import Verification
from glassgpt.analysis.weight_history import Past
from glassgpt.arrays import array
from glassgpt.errors import ConfigError, DivergenceError, GlassError
from glassgpt.live import protocol
from glassgpt.live.connection import Listener
from glassgpt.live.exhibit import Exhibit, Told
from glassgpt.live.new_run import check_bounds
from glassgpt.live.pacing import SLICE
from glassgpt.model.address import parse_address
from glassgpt.model.config import Config
from glassgpt.training.recipe import Recipe

FIRST_SLICE = 0.03  # seconds: a run of the usual size is whole within it
TOLD_EVERY = 0.1  # seconds between two messages about the same piece of work
BACKGROUND_REST = 2  # while time runs: how many times as long as it took unhurried work waits

Result = TypeVar("Result")


class Work(Protocol):
    """What runs a job that computes without holding up others."""

    def __call__(self, job: Callable[[], Result]) -> Awaitable[Result]:
        """Run it."""


class Asides:
    """The pieces of work beside one exhibit."""

    def __init__(self, exhibit: Exhibit, work: Work) -> None:
        self._exhibit = exhibit
        self._work = work
        self._imagined: Imagined | None = None
        self._told_losses = 0
        self._band: Band | None = None
        self._rests = dict.fromkeys(("past", "band"), 0.0)  # until when, while time runs
        self._origins: Origins | None = None
        self._past: Past | None = None
        self._recalling = False  # is the past to be told?
        self._verified: Verification | None = None
        self._ended: protocol.Verified | None = None  # that it ended, until the page is told
        self._tell_after = dict.fromkeys(("imagined", "band", "origins", "verified"), 0.0)

    # -- what is asked

    def imagine(self, config: Config) -> None:
        """Begin the complete run of these settings on the documents that are shown."""
        source, tokenizer = self._exhibit.source, self._exhibit.session.tokenizer
        check_bounds(config, tokenizer.vocab_size)
        self._imagined = Imagined(Recipe(config), source.documents)
        self._told_losses = 0
        self._tell_after["imagined"] = 0.0

    def band(self, seeds: int) -> None:
        """Begin the runs of so many other seeds, or with 0 seeds end those under way."""
        self._band = None
        if seeds:
            history, documents = self._exhibit.history, self._exhibit.source.documents
            self._band = Band(history.recipe, documents, seeds)
            self._tell_after["band"] = 0.0

    def trace(self, document: str, position: int, token: int) -> None:
        """Begin to look for the origins of a probability of the position that is shown."""
        session = self._exhibit.session
        tokens = session.tokens(document)
        if not 0 <= position < len(tokens) - 1:
            raise ConfigError(
                f"{document!r} has no position {position}", f"it has {len(tokens) - 1}, from 0"
            )
        self._origins = Origins(self._exhibit.history, tokens[: position + 1], token)
        self._tell_after["origins"] = 0.0

    def recall(self, explained: protocol.Explained) -> None:
        """Begin to look for the past of a number that was explained, where it is a weight."""
        if explained.explanation is None or explained.explanation.update is None:
            return
        where, history = parse_address(explained.address), self._exhibit.history
        if self._past is None or not self._past.is_of(history, where.name, where.index):
            self._past = Past(history, where.name, where.index)
        self._recalling = True

    def verify(self, steps: int) -> None:
        """Begin to take the first steps of the run's settings with both engines; 0 ends it."""
        self._end_verifying()
        if not steps:
            return
        self._exhibit.check_graph()
        history, documents = self._exhibit.history, self._exhibit.source.documents
        name = history.session.engine.name
        self._verified = Verification(history.recipe, documents, name, steps)
        self._tell_after["verified"] = 0.0

    def changed(self) -> None:
        """End what belongs to the run as it was."""
        self._band = self._origins = self._past = None
        self._end_verifying()

    def _end_verifying(self) -> None:
        """End the verification, and remember to say so."""
        if self._verified is not None:
            self._ended = _told_verified(self._verified, running=False)
        self._verified = None

    # -- a turn

    async def do(self, page: Listener, moving: bool) -> bool:
        """Do one slice of what was asked, the shortest first; return whether there was one."""
        if self._ended is not None:
            ended, self._ended = self._ended, None
            await page.tell(ended)
        elif self._imagined is not None:
            await self._go_on_imagining(page, self._imagined)
        elif self._origins is not None:
            await self._go_on_tracing(page, self._origins)
        elif self._past is not None and await self._go_on_recalling(page, self._past, moving):
            pass
        elif self._band is not None:
            return await self._go_on_with_band(page, self._band, moving)
        elif self._verified is not None:
            await self._go_on_verifying(page, self._verified)
        else:
            return False
        return True

    def _is_time(self, what: str) -> bool:
        now = time.perf_counter()
        if now < self._tell_after[what]:
            return False
        self._tell_after[what] = now + TOLD_EVERY
        return True

    async def _go_on_imagining(self, page: Listener, run: Imagined) -> None:
        told = await self._work(lambda: self._imagine_on(run))
        if told is not None:
            await page.tell(*told)
        if run.done:
            self._imagined = None

    def _imagine_on(self, run: Imagined) -> Told | None:
        run.go_on(SLICE if run.losses else FIRST_SLICE)
        return self._told_imagined(run) if run.done or self._is_time("imagined") else None

    def _told_imagined(self, run: Imagined) -> Told:
        first, self._told_losses = self._told_losses, len(run.losses)
        new = run.losses[first:]
        arrays = {"losses": array(new, (len(new),))} if new else {}
        event = protocol.Imagined(
            config=asdict(run.session.config),
            done=run.done,
            first=first,
            taken=len(run.losses),
            written=self._written(run) if run.done and not run.stopped else [],
            held_out=_held_out(run) if run.done and not run.stopped else None,
            seconds=run.seconds,
            stopped=run.stopped,
            arrays=protocol.heads(arrays),
        )
        return event, list(arrays.values())

    def _written(self, run: Imagined) -> list[protocol.Written]:
        """Return what the run writes at its end, none where it cannot write what is asked for."""
        exhibit, session = self._exhibit, run.session
        rng = exhibit.draw_stream(session)
        try:
            return [
                exhibit.written(one, look=False)  # a ghost is drawn again with each touch
                for one in sampled(
                    session.engine, session.tokenizer, session.config, exhibit.sampling, rng
                )
            ]
        except GlassError:
            return []

    async def _go_on_with_band(self, page: Listener, band: Band, moving: bool) -> bool:
        if not await self._unhurried("band", moving, lambda: band.go_on(SLICE)):
            return False
        if band.done or (band.finished and self._is_time("band")):
            await page.tell(*await self._work(lambda: _told_band(band)))
        if band.done:
            self._band = None
        return True

    async def _go_on_recalling(self, page: Listener, past: Past, moving: bool) -> bool:
        if not self._recalling:
            return False
        if not await self._unhurried("past", moving, lambda: past.go_on(SLICE)):
            return False
        if past.done:
            self._recalling = False
            await page.tell(*_told_past(past))
        return True

    async def _unhurried(self, what: str, moving: bool, job: Callable[[], None]) -> bool:
        """Do a slice of a job, unless time runs and it rests; return whether it did."""
        now = time.perf_counter()
        if moving and now < self._rests[what]:
            return False
        await self._work(job)
        self._rests[what] = now + BACKGROUND_REST * (time.perf_counter() - now)
        return True

    async def _go_on_verifying(self, page: Listener, run: Verification) -> None:
        try:
            await self._work(lambda: run.advance(1))
        except GlassError as error:
            self._end_verifying()
            await page.refuse("Verify", error)
            return
        done = run.step == run.steps
        if done or self._is_time("verified"):
            await page.tell(_told_verified(run, running=not done))
        if done:
            self._verified = None

    async def _go_on_tracing(self, page: Listener, origins: Origins) -> None:
        try:
            await self._work(lambda: origins.go_on(SLICE))
        except GlassError as error:
            self._origins = None
            await page.refuse("Trace", error)
            return
        if origins.done or self._is_time("origins"):
            await page.tell(*_told_origins(origins))
        if origins.done:
            self._origins = None


def _held_out(run: Imagined) -> float | None:
    try:
        return run.held_out()
    except DivergenceError:  # it learned what makes nothing of what it has not seen
        return None


def _told_verified(run: Verification, *, running: bool) -> protocol.Verified:
    gaps = [protocol.GapFacts(**asdict(gap), holds=gap.holds) for gap in run.gaps]
    return protocol.Verified(run.step, run.steps, running, gaps, run.holds, run.recorded)


def _told_past(past: Past) -> Told:
    steps, values = past.told()
    size = (len(values),)
    arrays = {"steps": array(steps, size), "past": array(values, size)}
    address = f"value:{past.name}[{','.join(map(str, past.index))}]"
    event = protocol.Past(address, past.every, protocol.heads(arrays))
    return event, list(arrays.values())


def _told_band(band: Band) -> Told:
    arrays: dict[str, memoryview[Any]] = {
        name: array(values, (len(values),))
        for name, values in zip(("positions", "low", "median", "high"), _columns(band), strict=True)
    }
    event = protocol.SeedBand(band.seeds, band.finished, protocol.heads(arrays))
    return event, list(arrays.values())


def _columns(band: Band) -> tuple[Sequence[float], ...]:
    return (band.positions, *band.spread())


def _told_origins(origins: Origins) -> Told:
    curve = array(origins.curve, (len(origins.curve),)) if origins.done else None
    arrays = {} if curve is None else {"curve": curve}
    event = protocol.Origins(
        context=origins.context,
        token=origins.token,
        begin=origins.begin,
        step=origins.end,
        taken=len(origins.curve) - 1,
        done=origins.done,
        moves=[
            protocol.MoveFacts(move.step, move.document, move.words, move.change)
            for move in origins.top()
        ]
        if origins.done
        else [],
        arrays=protocol.heads(arrays),
    )
    return event, list(arrays.values())
