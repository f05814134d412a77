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
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import asdict
from typing import Any, Protocol, TypeVar

from glassgpt.arrays import array
from glassgpt.errors import ConfigError, DivergenceError, GlassError, ProtocolError
from glassgpt.live import protocol
from glassgpt.live.asides import Asides
from glassgpt.live.connection import Listener
from glassgpt.live.critic import Critic
from glassgpt.live.exhibit import Exhibit, check_sampling
from glassgpt.live.exports import file
from glassgpt.live.new_run import Source, considered, made_of
from glassgpt.live.others import Others
from glassgpt.live.pacing import Clock, Contention
from glassgpt.live.sources import Sources
from glassgpt.model.config import Config
from glassgpt.model.sampling import check_draw_seed
from glassgpt.training import interventions
from glassgpt.training.branches import Branch
from glassgpt.training.checkpoint import load_checkpoint_bytes

FRAME = 1 / 125  # seconds between two frames, where the page has drawn the one before
AHEAD = 1 / 90  # and where it has not: a page far away has one on its way while it draws
LONG_LOOK = 0.025  # seconds that a picture may take before it waits for the next one
LOOK_REST = 4  # while time runs: how many times as long as it took
TOGETHER = 0.1  # seconds of steps that are taken at once where no frame shows them
MAX_QUEUE = 256
MAX_WATCHED = 2000
MAX_VERIFIED = 1000  # steps of the scalar engine
Result = TypeVar("Result")


class Host(Protocol):
    """What a player needs of the place it lives in."""

    async def work(self, job: Callable[[], Result]) -> Result:
        """Run a job that computes."""

    async def pause(self) -> None:
        """Let others run."""


class Player:
    """One run, played. `run_forever` is its life; `tell` and `attach` are its ears."""

    def __init__(self, name: str, exhibit: Exhibit, host: Host) -> None:
        self.name = name
        self.exhibit = exhibit
        self.playing = False
        self.notice = ""
        self.waiting: protocol.Waiting | None = None  # a link's run, for its documents
        self.target: int | None = None
        self._host = host
        self._queue: deque[tuple[protocol.Command, bytes | None]] = deque()
        self._wake = asyncio.Event()
        self._page: Listener | None = None
        self._clock = Clock()
        self._contention = Contention()
        self._watched: list[str] = []
        self._document: str | None = None
        self._sources = Sources()
        self._begin_again()

    def _begin_again(self) -> None:
        """Forget what belongs to the run before."""
        self._clock = Clock(self._clock.pace)
        self._fresh = False  # is the last frame what there is to see?
        self._frame_at = self._look_after = 0.0
        self._critic = Critic(self.exhibit, self._host.work, self._contention)
        self._others = Others(self.exhibit, self._host.work, lambda: self._document)
        self._asides = Asides(self.exhibit, self._host.work)

    # -- what a host calls

    def attach(self, send: Callable[[bytes], Awaitable[None]]) -> None:
        """Let a page listen, from the beginning."""
        self._page = Listener(send)
        self._watched, self._document = self.exhibit.glass.values()[:MAX_WATCHED], None
        self._clock.start(self.exhibit.session.step)  # time stood still until now
        self._greet()

    def detach(self, send: Callable[[bytes], Awaitable[None]]) -> None:
        """Stop sending there; time stands until another page listens."""
        if self._page is not None and self._page.send == send:
            self._page = None

    @property
    def attached(self) -> bool:
        """Whether a page listens."""
        return self._page is not None

    @property
    def _moving(self) -> bool:
        return self.playing or self.target is not None

    def tell(self, command: protocol.Command, payload: bytes | None = None) -> None:
        """Put a command in the queue; of several that say where to go, the last one counts."""
        if isinstance(command, protocol.Ack):  # needs no step to end
            if self._page is not None:
                self._page.drew(command.seq)
        else:
            waiting = type(self._queue[-1][0]) if self._queue else None
            if isinstance(command, protocol.NEWEST_COUNTS) and waiting is type(command):
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
        page = self._page
        if page is None:
            return False
        steps = self._due(page)
        if steps:  # before the frame, so that they keep their pace when frames cannot
            await self._train(steps)
        worked = page.credit and not self._critic.waits and await self._show(page)
        if page.sent:  # the first picture waits for nothing
            worked = await self._asides.do(page, self._moving) or worked  # what was asked for
            worked = await self._others.do(page, self._moving) or worked
            worked = await self._critic.do(page, self._moving) or worked
        return bool(steps) or worked

    async def _rest(self) -> None:
        """Sleep until something is due or a command comes; without a page, only a command wakes."""
        page, wait = self._page, 1.0
        if page is None:
            await self._wake.wait()
            return
        if self.playing:
            wait = min(wait, self._steps_due(page))
        if page.credit:
            if not self._fresh:
                wait = min(wait, self._frame_due(page) - time.perf_counter())
            wait = min(wait, self._critic.wait())
        if wait > 0.001:
            await self._sleep(wait)

    def _steps_due(self, page: Listener) -> float:
        """Return the seconds until steps are to be taken: those that one frame shows, together."""
        until_next = self._clock.until_next()
        until_frame = self._frame_due(page) - time.perf_counter() if page.credit else TOGETHER
        return max(until_next, min(until_frame, until_next + TOGETHER))

    async def _sleep(self, seconds: float) -> None:
        """Sleep until a command comes; waking late means that the cores are busy."""
        end = time.perf_counter() + seconds
        try:
            async with asyncio.timeout(seconds):  # wait_for may lose a cancellation in a wake
                await self._wake.wait()
        except TimeoutError:
            self._contention.waited(time.perf_counter() - end)

    def _due(self, page: Listener) -> int:
        """Return how many steps to take now, few enough to be done in a slice."""
        step = self.exhibit.session.step
        if self.target is not None:
            return min(self._clock.most, max(0, self.target - step))
        if not self.playing or self._steps_due(page) > 0:
            return 0
        return min(self._clock.due(), self.exhibit.session.steps_left)

    async def _train(self, steps: int) -> None:
        began = time.process_time()  # without waiting for a core, or it could never catch up
        try:
            await self._host.work(lambda: self.exhibit.history.advance(steps))
        except DivergenceError as error:
            await self._stop(error)
        step = self.exhibit.session.step
        self._clock.took(steps, time.process_time() - began, step)
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

    async def _show(self, page: Listener) -> bool:
        """Send a frame if there is something new and the time has come."""
        now = time.perf_counter()
        if self._fresh or now < self._frame_due(page):
            return False
        self._frame_at, busy = now, time.process_time()
        self._fresh = True
        try:
            event, arrays = await self._host.work(lambda: self._frame(page, self._watched))
            took = time.perf_counter() - now
            self._look_after = now + LOOK_REST * took if took > LONG_LOOK else 0.0
        except DivergenceError as error:  # the next update would leave the finite numbers
            session = self.exhibit.session
            await self._stop(error.at(session.step + 1, self.exhibit.document(self._document)[0]))
            event, arrays = self._frame(page, self._weights_watched())
        except GlassError as error:  # a watched text that this vocabulary cannot spell
            self._document = None
            self._fresh = False
            await page.refuse("Watch", error)
            return False
        page.first = self.exhibit.history.reached
        await page.tell(event, arrays)
        self._contention.waited(time.perf_counter() - now - (time.process_time() - busy))
        return True

    def _weights_watched(self) -> list[str]:
        """Return what is there where no pass ends in finite numbers: the weights and moments."""
        params = self.exhibit.session.engine.state().params
        kinds = [name.partition(":") for name in self._watched]
        return [f"{kind}:{name}" for kind, _, name in kinds if kind != "grad" and name in params]

    def _frame_due(self, page: Listener) -> float:
        """Return when the next frame may leave.

        It leaves as the one before is drawn, and so has the whole time between two pictures of the
        screen to arrive; later where the cores are busy, so that steps keep their pace.
        While time runs an engine that takes long over a picture rests, so that most of its time
        goes into steps.
        """
        between = FRAME if page.drawn == page.sent else AHEAD
        due = self._frame_at + between + self._contention.delay
        return max(due, self._look_after) if self._moving else due

    def _frame(
        self, page: Listener, watched: Sequence[str]
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

    # -- commands

    async def _obey(self, command: protocol.Command, payload: bytes | None) -> None:
        try:
            await self._follow(command, payload)
        except GlassError as error:
            await self._refuse(type(command).__name__, error)
        self._fresh = self._fresh and isinstance(command, protocol.QUESTIONS)

    async def _follow(self, command: protocol.Command, payload: bytes | None) -> None:
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
            case protocol.Load(name):
                await self._load(name, payload)
            case protocol.Start():
                source = self._sources.wanted(command, payload, exhibit.source)
                config = made_of(Config, command.config)
                await self._start(source, config, command, interventions.read(command.do))
            case protocol.Consider():
                source = self._sources.wanted(command, payload, exhibit.source)
                text = self._sources.text if command.data == "sent" else None
                await self._answer(await work(lambda: considered(source, command.config, text)))
                if command.engine == "scalar" and (told := await work(exhibit.compared)):
                    await self._answer(told)
            case protocol.Tune() | protocol.Edit() | protocol.Silence() | protocol.Release():
                change = change_of(command)
                await self._turn_to(lambda: exhibit.branches.intervene(change))
            case protocol.Undo():
                await self._turn_to(exhibit.branches.undo, go=True)
            case protocol.Redo():
                await self._turn_to(exhibit.branches.redo, go=True)
            case protocol.Choose(branch):
                await self._turn_to(lambda: exhibit.branches.choose(branch), go=True, known=True)
            case protocol.Drop(branch):
                exhibit.drop(branch)
            case protocol.Beside(branch):
                self._others.beside = exhibit.branches[branch].number
            case protocol.Imagine(values):
                config = made_of(Config, values)
                await work(lambda: self._asides.imagine(config))
            case protocol.Band(seeds):
                await work(lambda: self._asides.band(seeds))
            case protocol.Trace(traced, position, token):
                await work(lambda: self._asides.trace(traced, position, token))
            case protocol.Sample(values, seed):
                sampling, seed = check_sampling(values, exhibit), check_draw_seed(seed)
                exhibit.sampling, exhibit.sample_seed = sampling, seed
                self._critic.write_again()
            case protocol.Spell(index):
                await self._answer(*await work(lambda: exhibit.spell(index)))
            case protocol.Watch(names, document):
                self._watch(names, document)
            case protocol.Explain(address):
                watched = self._document
                explained = await work(lambda: exhibit.explain(address, watched))
                await self._answer(explained)
                await work(lambda: self._asides.recall(explained))
            case protocol.Verify(steps):
                await work(lambda: self._asides.verify(max(0, min(steps, MAX_VERIFIED))))
            case protocol.Enter():
                watched = self._document
                await self._answer(await work(lambda: exhibit.enter(command, watched)))
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
            raise ConfigError("the run has taken all its steps", "go back, or train on")
        self.playing = True  # from where it is going, if it is on its way
        self._clock.start(self.exhibit.session.step)

    async def _go(self, step: int) -> None:
        history, last = self.exhibit.history, self.exhibit.history.config.num_steps
        step = min(max(step, history.begin), last)
        await self._host.work(lambda: history.approach(step))
        self.playing, self.target = False, step
        self._clock.start(self.exhibit.session.step)
        steps = step - self.exhibit.session.step
        if 0 < steps <= self._clock.most:
            await self._train(steps)  # at once: a picture on the way would only be in its way
        elif not steps:
            self.target = None

    def _watch(self, names: list[str], document: str | None) -> None:
        known = [name for name in names[:MAX_WATCHED] if self.exhibit.glass.knows(name)]
        if document is not None:
            self.exhibit.session.tokens(document)  # a character it does not know is refused here
        self._watched, self._document = known, document

    # -- another run, another branch

    async def _start(
        self,
        source: Source,
        config: Config,
        command: protocol.Start,
        done: interventions.Interventions,
    ) -> None:
        before, engine = self.exhibit, command.engine
        if command.keep:
            await self._host.work(lambda: before.begin(source, config, engine, done))
        else:
            self.exhibit = await self._host.work(
                lambda: Exhibit(source, config, engine, interventions=done)
            )
        self._sources.learned(before.source, before.session.recipe.data_sha256)
        self._show_run(before)
        if command.play:
            self._play()

    async def _load(self, name: str, payload: bytes | None) -> None:
        """Go on with the run of a checkpoint, beside the branches there are."""
        if payload is None:
            raise ProtocolError("no checkpoint came with the command", "choose the file again")
        snapshot = await self._host.work(lambda: load_checkpoint_bytes(payload, name))
        exhibit = self.exhibit
        source = await self._host.work(lambda: self._sources.of_checkpoint(snapshot, exhibit))
        await self._host.work(lambda: exhibit.begin(source, snapshot.config, "", snapshot=snapshot))
        self._show_run(exhibit)

    def _show_run(self, before: Exhibit) -> None:
        """Show a run that has begun."""
        self._carry_over(before)
        self.notice, self.waiting = "", None
        self._greet()

    async def _turn_to(
        self, turn: Callable[[], Branch], *, go: bool = False, known: bool = False
    ) -> None:
        """Show the branch that `turn` makes the current one, from where it parts from this one.

        With `go` at the same position, which where it has to be `known` is one it has been at.
        """
        exhibit, before, step = self.exhibit, self.exhibit.branches.current, self._position
        after = await self._host.work(turn)
        if after is before:
            return
        if known:
            step = min(step, after.history.reached)
        if after.run != before.run:
            self._carry_over(exhibit)
            self._greet()
        else:
            self._show_branch(exhibit.branches.common(before, after))
            config, schedule = asdict(exhibit.history.config), exhibit.schedule()
            await self._answer(protocol.Settings(config, schedule, exhibit.link()))
        self._others.beside = before.number
        if go:
            await self._go(step)

    def _show_branch(self, common: int) -> None:
        self._clock.start(self.exhibit.session.step)
        self._critic.look_again()
        self._asides.changed()
        if self._page is not None:
            self._page.first = min(self._page.first, common)

    @property
    def _position(self) -> int:
        """Where it stands, or is going."""
        return self.exhibit.session.step if self.target is None else self.target

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
        self._queue.appendleft((protocol.Open(), None))
        self._wake.set()

    async def _hello(self) -> None:
        """Tell the run whole, and everything after it anew."""
        event = await self._host.work(
            lambda: self.exhibit.hello(self.name, self._clock.pace, self.notice, self.waiting)
        )
        if self._page is not None:
            self._page.first = 0
        self._critic.tell_all_again()
        self._others.tell_all_again()
        await self._answer(event)

    async def _answer(self, event: protocol.Event, arrays: Sequence[memoryview[Any]] = ()) -> None:
        if self._page is not None:
            await self._page.tell(event, arrays)

    async def _refuse(self, command: str, error: GlassError) -> None:
        if self._page is not None:
            await self._page.refuse(command, error)


def change_of(
    command: protocol.Tune | protocol.Edit | protocol.Silence | protocol.Release,
) -> interventions.Change:
    """Return the change that a command asks for."""
    match command:
        case protocol.Tune(changes):
            return interventions.Tune(tuple(changes.items()))
        case protocol.Edit(param, row, column, value):
            return interventions.Edit(param, row, column, value)
        case protocol.Silence(part, layer, number, hold):
            return interventions.Silence(part, layer, number, hold)
        case protocol.Release(part, layer, number):
            return interventions.Release(part, layer, number)
