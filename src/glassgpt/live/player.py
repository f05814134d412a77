"""The player: a loop over a workspace that executes commands, trains, and sends events to a page.

Commands wait in a queue and are executed between two training steps. At most `CREDITS` numbered
events are sent before the page has drawn the first, so a slow page gets fewer frames, always the
newest, but every point of the loss curve.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Self

from glassgpt.errors import DivergenceError, GlassError, ProtocolError
from glassgpt.live import protocol
from glassgpt.live.commands.context import Context
from glassgpt.live.commands.table import follow
from glassgpt.live.connection import Connection
from glassgpt.live.frames import Frames
from glassgpt.live.host import Host
from glassgpt.live.jobs.branches import BRANCHES
from glassgpt.live.jobs.evaluation import EVALUATION
from glassgpt.live.jobs.requested import REQUESTED
from glassgpt.live.jobs.scheduler import Scheduler
from glassgpt.live.opening import Opened
from glassgpt.live.pacing import Contention
from glassgpt.live.playback import Playback
from glassgpt.live.sources import Sources
from glassgpt.live.workspace import Workspace

TOGETHER = 0.1  # seconds of steps that are taken together if no frame shows them
MAX_QUEUE = 256


class Player:
    """Plays one workspace for one page at a time. Call `run_forever` as a task."""

    def __init__(self, name: str, workspace: Workspace, host: Host) -> None:
        self.workspace = workspace
        self._host = host
        self._queue: deque[tuple[protocol.Command, bytes | None]] = deque()
        self._contention = Contention()
        self.playback = Playback(workspace, host.work, self._stopped)
        self._frames = Frames(workspace, self.playback, self._contention, host.work, self._stopped)
        groups = REQUESTED, BRANCHES, EVALUATION
        self._jobs = Scheduler(workspace, host.work, self._contention, groups)
        self._context = Context(
            name, workspace, self.playback, self._frames, self._jobs, host.work, Sources()
        )

    @classmethod
    def of(cls, name: str, opened: Opened, host: Host, *, still: bool) -> Self:
        """Return the player of a link's run: at the link's step, else training unless `still`."""
        player = cls(name, opened.workspace, host)
        if opened.step is not None:
            player.tell(protocol.Seek(opened.step))
        elif not still and opened.workspace.session.steps_left:
            player.tell(protocol.Play())
        return player

    # -- what a host calls

    def attach(self, send: Callable[[bytes], Awaitable[None]]) -> None:
        """Connect a page, and send it the whole state."""
        self._context.page = Connection(send)
        self.workspace.watch(self.workspace.tools.probe.values(), None)
        self.playback.restart_clock()  # no step was due until now
        self._queue.appendleft((protocol.Open(), None))
        self._host.wake()

    def detach(self, send: Callable[[bytes], Awaitable[None]]) -> None:
        """Disconnect the page; training is paused until another page is connected."""
        page = self._context.page
        if page is not None and page.send == send:
            self._context.page = None

    @property
    def attached(self) -> bool:
        """Whether a page is connected."""
        return self._context.page is not None

    def tell(self, command: protocol.Command, file: bytes | None = None) -> None:
        """Queue a command; it replaces a waiting one of its kind if only the newest counts."""
        if isinstance(command, protocol.Ack):  # handled at once, even during a step
            if self._context.page is not None:
                self._context.page.drew(command.seq)
        else:
            waiting = type(self._queue[-1][0]) if self._queue else None
            if isinstance(command, protocol.NEWEST_COUNTS) and waiting is type(command):
                self._queue.pop()
            if len(self._queue) >= MAX_QUEUE:
                raise ProtocolError(f"the limit is {MAX_QUEUE} waiting commands", "send fewer")
            self._queue.append((command, file))
        self._host.wake()

    async def run_forever(self) -> None:
        """Run until cancelled."""
        while True:
            while self._queue:
                await self._obey(*self._queue.popleft())
            if not await self._turn():
                await self._rest()
            await self._host.pause()

    # -- the loop

    async def _obey(self, command: protocol.Command, file: bytes | None) -> None:
        """Execute a command or refuse it, then send `Done`."""
        context = self._context
        context.command, context.file = getattr(command, "id", 0), file
        try:
            await follow(context, command)
        except GlassError as error:
            await context.refuse(command, error)
        if context.command:
            await context.answer(protocol.Done())
        context.command, context.file = 0, None
        self._frames.current &= isinstance(command, protocol.QUESTIONS)

    async def _turn(self) -> bool:
        """Do the next piece of work, if there is one: some steps, a frame, a slice of each job."""
        page = self._context.page
        if page is None:
            return False
        steps = self.playback.due(self._steps_due(page))
        if steps:  # before the frame, so that they keep their pace when frames cannot
            await self.playback.train(steps)
            self._frames.current = False
        worked = page.credit and not self._jobs.waits and await self._frames.show(page)
        if page.sent:  # the first frame waits for nothing
            worked = await self._jobs.do(page, moving=self.playback.moving) or worked
        return bool(steps) or worked

    async def _rest(self) -> None:
        """Sleep until something is due or a command comes; without a page, until a command."""
        page, wait = self._context.page, 1.0
        if page is None:
            await self._host.sleep(None)
            return
        if self.playback.playing:
            wait = min(wait, self._steps_due(page))
        if page.credit and not self._frames.current:
            wait = min(wait, self._frames.due_at(page) - time.perf_counter())
        wait = min(wait, self._jobs.wait(moving=self.playback.moving))
        if wait > 0.001:
            end = time.perf_counter() + wait
            if not await self._host.sleep(wait):  # waking late means that the cores are busy
                self._contention.waited(time.perf_counter() - end)

    def _steps_due(self, page: Connection) -> float:
        """Return the seconds until steps are to be taken: those that one frame shows, together."""
        until_next = self.playback.clock.until_next()
        until_frame = self._frames.due_at(page) - time.perf_counter() if page.credit else TOGETHER
        return max(until_next, min(until_frame, until_next + TOGETHER))

    async def _stopped(self, error: DivergenceError) -> None:
        await self._context.stopped(error)
