"""The player: a clock over a run. It plays, pauses, goes to a step, and tells a page what it sees.

Commands wait in a queue and act between two training steps. What leaves are immutable events: at
most `CREDITS` of them are under way before the page has drawn the first, so a slow page gets fewer
frames, always the newest, and never loses a point of the loss curve. A host lends it `work`, which
runs a job without holding up others, and `pause`, which lets others run.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from typing import Any, Protocol, TypeVar

from glassgpt import protocol
from glassgpt.arrays import array
from glassgpt.clock import SLICE, Clock
from glassgpt.config import Config
from glassgpt.data import split_documents
from glassgpt.errors import ConfigError, DivergenceError, GlassError, ProtocolError
from glassgpt.exhibit import Exhibit, Source, check_sampling, considered, made_of
from glassgpt.files import file

FRAME = 1 / 60
SIDE_SHARE = 4  # samples and held-out loss rest four times as long as they take, while training
MAX_QUEUE = 256
MAX_WATCHED = 400

Result = TypeVar("Result")


class Host(Protocol):
    """What a player needs of the place it lives in."""

    async def work(self, job: Callable[[], Result]) -> Result:
        """Run a job that computes."""

    async def pause(self) -> None:
        """Let others run."""


@dataclass(slots=True)
class _Page:
    """A page that listens: how to reach it, and what it has been sent and not yet drawn."""

    send: Callable[[bytes], Awaitable[None]]
    sent: int = 0
    drawn: int = 0
    first: int = 0  # the first loss it does not have

    @property
    def credit(self) -> bool:
        return self.sent - self.drawn < protocol.CREDITS


@dataclass(slots=True)
class _Writing:
    """A draw of samples under way, from the weights after `step` updates."""

    step: int
    samples: Iterator[protocol.Written]
    done: list[protocol.Written] = field(default_factory=list)
    finished: bool = False

    def go_on(self) -> None:
        """Draw for about a slice of time."""
        end = time.perf_counter() + SLICE
        for sample in self.samples:
            self.done.append(sample)
            if time.perf_counter() > end:
                return
        self.finished = True


class Player:
    """One run, played. `run_forever` is its life; `tell` and `attach` are its ears."""

    def __init__(self, name: str, exhibit: Exhibit, host: Host) -> None:
        self.name = name
        self.exhibit = exhibit
        self.playing = False
        self.notice = ""
        self.target: int | None = None
        self._host = host
        self._queue: deque[tuple[protocol.Command, bytes]] = deque()
        self._wake = asyncio.Event()
        self._page: _Page | None = None
        self._clock = Clock()
        self._watched: list[str] = []
        self._document: str | None = None
        self._source: Source | None = None  # the last file sent to be considered
        self._begin_again()

    def _begin_again(self) -> None:
        """Forget what belongs to the run before."""
        self._clock = Clock(self._clock.pace)
        self._fresh = False  # is the last frame what there is to see?
        self._frame_at = 0.0
        self._writing: _Writing | None = None
        self._written_at = self._judged_at = -1
        self._write_after = self._judge_after = 0.0
        self._measures: protocol.Measures | None = None
        self._measures_sent = False

    # -- what a host calls

    def attach(self, send: Callable[[bytes], Awaitable[None]]) -> None:
        """Let a page listen, from the beginning."""
        self._page = _Page(send)
        self._greet()

    def detach(self, send: Callable[[bytes], Awaitable[None]]) -> None:
        """Stop sending there."""
        if self._page is not None and self._page.send is send:
            self._page = None

    @property
    def attached(self) -> bool:
        """Whether a page listens."""
        return self._page is not None

    @property
    def _moving(self) -> bool:
        return self.playing or self.target is not None

    def tell(self, command: protocol.Command, payload: bytes = b"") -> None:
        """Put a command in the queue; of several that say where to go, the last one counts."""
        if isinstance(command, protocol.Ack):  # needs no step to end
            if self._page is not None:
                self._page.drawn = max(self._page.drawn, min(command.seq, self._page.sent))
        else:
            newest_counts = protocol.Seek | protocol.Consider | protocol.Sample | protocol.Watch
            waiting = type(self._queue[-1][0]) if self._queue else None
            if isinstance(command, newest_counts) and waiting is type(command):
                self._queue.pop()
            if len(self._queue) >= MAX_QUEUE:
                raise ProtocolError("more commands wait than a run can follow", "send fewer")
            self._queue.append((command, payload))
        self._wake.set()

    async def run_forever(self) -> None:
        """Live until cancelled."""
        while True:
            self._wake.clear()
            while self._queue:
                await self._obey(*self._queue.popleft())
            if not await self._turn():
                await self._rest()
            await self._host.pause()

    # -- a turn of the loop

    async def _turn(self) -> bool:
        """Do the next piece of work, if there is one: a frame, some steps, or a side job."""
        worked = await self._side_job()  # it rests of its own accord while steps are due
        if self._page is not None and self._page.credit:
            worked = await self._show() or worked
        steps = self._due()
        if steps:
            await self._train(steps)
        return bool(steps) or worked

    async def _rest(self) -> None:
        """Sleep until a command comes or the next step or frame is due."""
        wait = 1.0
        if self.playing:
            wait = min(wait, self._clock.until_next())
        if self._page is not None and self._page.credit:
            if not self._fresh:
                wait = min(wait, self._frame_at + FRAME - time.perf_counter())
            if self._written_at != self.exhibit.session.step:
                wait = min(wait, self._write_after - time.perf_counter())
        if wait > 0.001:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._wake.wait(), wait)

    def _due(self) -> int:
        """Return how many steps to take now, few enough to be done in a slice."""
        step = self.exhibit.session.step
        if self.target is not None:
            return min(self._clock.most, max(0, self.target - step))
        return min(self._clock.due(), self.exhibit.session.steps_left) if self.playing else 0

    async def _train(self, steps: int) -> None:
        began = time.perf_counter()
        try:
            await self._host.work(lambda: self.exhibit.history.advance(steps))
        except DivergenceError as error:
            await self._stop(error)
        step = self.exhibit.session.step
        self._clock.took(steps, time.perf_counter() - began, step)
        self._fresh = False
        if self.target is not None and step >= self.target:
            self.target = None
        if self.playing and not self.exhibit.session.steps_left:
            self.playing = False

    async def _stop(self, error: DivergenceError) -> None:
        self.playing, self.target = False, None
        step = self.exhibit.session.step
        await self._answer(
            protocol.Stopped(step, error.what, error.hint, error.site, list(error.index))
        )

    # -- what is told unasked

    async def _show(self) -> bool:
        """Send a frame if there is something new and the time has come."""
        now = time.perf_counter()
        if self._fresh or now < self._frame_at + FRAME:
            return False
        self._frame_at = now
        self._fresh = True
        page = self._page
        assert page is not None
        try:
            event, arrays = await self._host.work(lambda: self._frame(page, self._watched))
        except DivergenceError as error:  # the next update would leave the finite numbers
            session = self.exhibit.session
            await self._stop(error.at(session.step + 1, self.exhibit.document(self._document)[0]))
            event, arrays = self._frame(page, [])
        except GlassError as error:  # a watched text that this vocabulary cannot spell
            self._document = None
            self._fresh = False
            await self._refuse("Watch", error)
            return False
        page.first = self.exhibit.history.reached
        page.sent += 1
        await self._send(event, arrays)
        return True

    def _frame(
        self, page: _Page, watched: Sequence[str]
    ) -> tuple[protocol.Frame, Sequence[memoryview[Any]]]:
        exhibit, history, session = self.exhibit, self.exhibit.history, self.exhibit.session
        document, tokens = exhibit.document(self._document)
        new = slice(page.first, history.reached)
        count = history.reached - page.first
        arrays = (
            {
                "losses": array(history.losses[new], (count,)),
                "rates": array(history.rates[new], (count,)),
            }
            if count
            else {}
        )
        state = session.engine.state()
        seen = exhibit.glass.look(watched, state, history.before, tokens)
        arrays = {**arrays, **seen}
        event = protocol.Frame(
            seq=page.sent + 1,
            step=session.step,
            reached=history.reached,
            playing=self.playing,
            busy=self.target is not None,
            pace=self._clock.pace,
            speed=self._clock.speed if self._moving else 0.0,
            rate=exhibit.rate(),
            document=document,
            tokens=tokens,
            watching=self._document is not None,
            first=page.first,
            arrays=protocol.heads(arrays),
        )
        return event, list(arrays.values())

    async def _side_job(self) -> bool:
        """Do a piece of what is not training: yardsticks, samples, held-out loss."""
        page = self._page
        if page is None:
            return False
        if not self._measures_sent:
            if self._measures is None:
                self._measures = await self._host.work(self.exhibit.measures)
            self._measures_sent = True
            await self._answer(self._measures)
            return True
        return await self._write() or await self._judge()

    async def _write(self) -> bool:
        """Draw a few more samples; send them when all are there."""
        page, session = self._page, self.exhibit.session
        now = time.perf_counter()
        resting = self._moving and self._written_at >= 0 and now < self._write_after
        if page is None or resting or (self._writing is None and self._written_at == session.step):
            return False
        if self._writing is None:
            self._writing = _Writing(session.step, self.exhibit.samples())
        writing = self._writing
        if not writing.finished:
            try:
                await self._host.work(writing.go_on)
            except GlassError as error:
                self._writing, self._written_at = None, session.step
                await self._refuse("Sample", error)
                return True
            self._write_after = now + SIDE_SHARE * (time.perf_counter() - now) + 0.02
        if not writing.finished:
            return True
        if not page.credit:
            return False
        self._writing, self._written_at = None, writing.step
        await self._tell_samples(page, writing.step, writing.done)
        return True

    async def _tell_samples(self, page: _Page, step: int, written: list[protocol.Written]) -> None:
        page.sent += 1
        values = asdict(self.exhibit.sampling)
        await self._send(
            protocol.Samples(
                page.sent, step, values, self.exhibit.sample_seed, written, self.exhibit.link()
            )
        )

    async def _judge(self) -> bool:
        """Measure the held-out loss, where an engine is quick enough."""
        page, session = self._page, self.exhibit.session
        now = time.perf_counter()
        if self.exhibit.judge is None or page is None or not page.credit:
            return False
        if self._judged_at == session.step or (self._moving and now < self._judge_after):
            return False
        self._judged_at = session.step
        page.sent += 1
        seq = page.sent
        try:
            event = await self._host.work(lambda: self.exhibit.held_out(seq))
        except DivergenceError:
            page.sent -= 1
            return True
        took = time.perf_counter() - now
        self._judge_after = now + max(0.5, 10 * took)
        await self._send(event)
        return True

    # -- commands

    async def _obey(self, command: protocol.Command, payload: bytes) -> None:
        try:
            await self._follow(command, payload)
        except GlassError as error:
            await self._refuse(type(command).__name__, error)
        self._fresh = False

    async def _follow(self, command: protocol.Command, payload: bytes) -> None:
        exhibit, work = self.exhibit, self._host.work
        match command:
            case protocol.Open():
                await self._hello()
            case protocol.Play():
                self._play()
            case protocol.Pause():
                self.playing, self.target = False, None
            case protocol.Pace(steps_per_second):
                if not 0 <= steps_per_second <= 1e6:
                    raise ConfigError(f"a pace of {steps_per_second!r} steps a second cannot be")
                self._clock.pace = steps_per_second
                self._clock.start(exhibit.session.step)
            case protocol.Seek(step):
                await self._go(step)
            case protocol.Start():
                source = self._source_of(command, payload)
                config = made_of(Config, command.config)
                self.exhibit = await work(lambda: Exhibit(source, config, command.engine))
                self._carry_over(exhibit)
                self._greet()
            case protocol.Consider():
                source = self._source_of(command, payload)
                await self._answer(await work(lambda: considered(source, command.config)))
            case protocol.Tune(changes):
                exhibit.tune(changes)
                if self._page is not None:
                    self._page.first = min(self._page.first, exhibit.history.reached)
                values = asdict(exhibit.session.config)
                await self._answer(protocol.Settings(values, exhibit.link()))
            case protocol.Sample(values, seed):
                exhibit.sampling = check_sampling(values, exhibit)
                exhibit.sample_seed = seed
                self._writing, self._written_at, self._write_after = None, -1, 0.0
            case protocol.Spell(index):
                await self._answer(*await work(lambda: exhibit.spell(index)))
            case protocol.Watch(names, document):
                self._watch(names, document)
            case protocol.Tokenize(text):
                await self._answer(exhibit.tokens(text))
            case protocol.Read(first, count):
                await self._answer(exhibit.documents(first, count))
            case protocol.Save(what):
                await self._answer(*await work(lambda: file(exhibit, what)))
            case _:
                raise ProtocolError(f"{type(command).__name__} is not a command for a run")

    def _play(self) -> None:
        if not self.exhibit.session.steps_left:
            raise ConfigError("the run has taken all its steps", "go back, or begin a longer run")
        self.playing, self.target = True, None
        self._clock.start(self.exhibit.session.step)

    async def _go(self, step: int) -> None:
        history, last = self.exhibit.history, self.exhibit.session.config.num_steps
        step = min(max(step, history.begin), last)
        await self._host.work(lambda: history.approach(step))
        self.playing, self.target = False, step
        self._clock.start(self.exhibit.session.step)
        if self.exhibit.session.step == step:
            self.target = None

    def _watch(self, names: list[str], document: str | None) -> None:
        known = [name for name in names[:MAX_WATCHED] if self.exhibit.glass.knows(name)]
        if document is not None:
            self.exhibit.session.tokens(document)  # a character it does not know is refused here
        self._watched, self._document = known, document

    def _source_of(self, command: protocol.Start | protocol.Consider, payload: bytes) -> Source:
        match command.data:
            case "builtin":
                return Source.builtin()
            case "sent":
                if payload:
                    name = command.data_name or "your text"
                    self._source = Source(name, tuple(split_documents(payload, name)))
                if self._source is None:
                    raise ProtocolError("no file came with the command", "choose the file again")
                return self._source
            case _:
                return self.exhibit.source

    def _carry_over(self, before: Exhibit) -> None:
        """Keep what the reader chose where the new run can follow it."""
        try:
            self.exhibit.sample_seed = before.sample_seed
            values = {n: getattr(before.sampling, n) for n in ("temperature", "num_samples")}
            self.exhibit.sampling = check_sampling(values, self.exhibit)
            self._watch(self._watched, self._document)
        except GlassError:
            self._document = None
        self.playing, self.target = False, None
        self._begin_again()

    # -- telling

    def _greet(self) -> None:
        """Say hello before anything else."""
        self._queue.appendleft((protocol.Open(), b""))
        self._wake.set()

    async def _hello(self) -> None:
        """Tell the run whole, and everything after it anew."""
        event = await self._host.work(
            lambda: self.exhibit.hello(self.name, self._clock.pace, self.notice)
        )
        if self._page is not None:
            self._page.first = 0
        self._measures_sent = False
        self._writing, self._written_at, self._judged_at = None, -1, -1
        await self._send(event)

    async def _answer(self, event: protocol.Event, arrays: Sequence[memoryview[Any]] = ()) -> None:
        await self._send(event, arrays)

    async def _refuse(self, command: str, error: GlassError) -> None:
        await self._answer(protocol.Refused(command, error.what, error.hint))

    async def _send(self, event: protocol.Event, arrays: Sequence[memoryview[Any]] = ()) -> None:
        page = self._page
        if page is not None:
            await page.send(protocol.encode_event(event, arrays))
