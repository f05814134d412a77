"""The scheduler of jobs: each turn runs one slice of each group, its most urgent job first."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Protocol, TypeVar

from glassgpt.errors import GlassError
from glassgpt.live import protocol
from glassgpt.live.connection import Connection
from glassgpt.live.jobs.job import Job, Work
from glassgpt.live.pacing import Contention
from glassgpt.live.presenters import Told
from glassgpt.live.workspace import Workspace

NEVER = object()  # the position of work that was never done
IDLE = 1.0  # seconds between two checks if nothing is due

Result = TypeVar("Result")


class Compute(Protocol):
    """Runs a computation without holding up other pages."""

    def __call__(self, computation: Callable[[], Result], /) -> Awaitable[Result]:
        """Run it."""


class Slot:
    """One kind of job: its subject, its work in progress, and an event still to be sent."""

    def __init__(self, kind: type[Job]) -> None:
        self.kind = kind
        self.rests_until = 0.0
        self.event: Told | None = None
        self._job: Job | None = None
        self._subject: object = None
        self._work: Work | None = None
        self._begun: object = NEVER  # the position that the work is done for
        self._done: object = NEVER

    def clear(self) -> None:
        """Forget the work, so that it is done and sent again."""
        self.__init__(self.kind)  # type: ignore[misc]

    def renew(self, workspace: Workspace) -> None:
        """Begin again if the subject has changed."""
        subject = self.kind.subject(workspace)
        if subject != self._subject:
            self.clear()
            self._subject = subject
            self._job = None if subject is None else self.kind(workspace)

    def is_due(self, *, moving: bool) -> bool:
        """Whether there is work, even if it is resting."""
        if self._job is None or (moving and self.kind.at_rest):
            return False
        working = self._work is not None or self.event is not None
        return working or self._done != self._job.position()

    @property
    def complete(self) -> bool:
        """Whether no work and no event is left."""
        return self._work is None and self.event is None

    def advance(self, delay: float) -> None:
        """Work for about a slice of time, or until there is an event."""
        assert self._job is not None
        began = time.perf_counter()
        if self._work is None:
            self._work, self._begun = self._job.work(), self._job.position()
        try:
            while self.event is None and time.perf_counter() - began < self.kind.slice:
                self.event = next(self._work)
        except StopIteration as end:
            self.event = end.value
            self.finish()
        seconds = time.perf_counter() - began
        self.rests_until = began + seconds + self._job.rest(seconds, delay)

    def finish(self) -> None:
        """End the work at this position."""
        self._work, self._done = None, self._begun


class Scheduler:
    """Runs the jobs of one workspace, in groups; each group gets one slice a turn."""

    def __init__(
        self,
        workspace: Workspace,
        compute: Compute,
        contention: Contention,
        groups: Sequence[Sequence[type[Job]]],
    ) -> None:
        self._workspace = workspace
        self._compute = compute
        self._contention = contention
        self._groups = [[Slot(kind) for kind in group] for group in groups]
        self.restart()

    def restart(self) -> None:
        """Begin again, for a page that has just connected."""
        for slot in self._slots():
            slot.clear()
        self.waits = False  # until the page has room for an event: the next one is not a frame
        self._told = 0  # the number of the last numbered event sent from here

    def wait(self, *, moving: bool) -> float:
        """Return the seconds until a job may be due."""
        now = time.perf_counter()
        due = (s for s in self._slots() if s.event is None and s.is_due(moving=moving))
        return min((slot.rests_until - now if moving else 0.0 for slot in due), default=IDLE)

    async def do(self, page: Connection, *, moving: bool) -> bool:
        """Do one slice of each group, and return whether there was one."""
        self.waits = False
        worked = await self._tell_ended(page)
        for group in self._groups:
            for slot in group:
                if await self._go_on(slot, page, moving=moving):
                    worked = True
                    break
        return worked

    def _slots(self) -> list[Slot]:
        return [slot for group in self._groups for slot in group]

    async def _tell_ended(self, page: Connection) -> bool:
        """Send which requests ended early, including those of another branch."""
        requests = self._workspace.requests
        requests.end_all_but(self._workspace.history.version)
        ended = requests.take_ended()
        for request, stopped in ended:
            await page.tell(protocol.Ended(request.job, stopped), to=request.command)
        return bool(ended)

    async def _go_on(self, slot: Slot, page: Connection, *, moving: bool) -> bool:
        slot.renew(self._workspace)
        resting = moving and slot.event is None and time.perf_counter() < slot.rests_until
        if resting or not slot.is_due(moving=moving):
            return False
        if slot.event is None:
            try:
                await self._compute(lambda: slot.advance(self._contention.delay))
            except GlassError as error:
                await self._fail(slot, page, error)
                return True
        if slot.event is not None and not await self._tell(slot.event, slot, page):
            return False
        self._complete(slot)
        return True

    async def _tell(self, told: Told, slot: Slot, page: Connection) -> bool:
        """Send an event; a numbered one waits for its turn, which then comes before a frame."""
        event, arrays = told
        numbered = isinstance(event, protocol.Numbered)
        if numbered and not page.credit:
            self.waits = page.sent > self._told  # the last one was a frame
            return False
        slot.event = None
        await page.tell(event, arrays, self._command(slot))
        if numbered:
            self._told = page.sent
        return True

    def _command(self, slot: Slot) -> int:
        """Return the id of the command that requested a job, 0 for none."""
        job = slot.kind.requested
        request = self._workspace.requests.open(job) if job else None
        return request.command if request else 0

    def _complete(self, slot: Slot) -> None:
        if slot.complete and slot.kind.requested:
            self._workspace.requests.complete(slot.kind.requested)

    async def _fail(self, slot: Slot, page: Connection, error: GlassError) -> None:
        """Give up the work of a position; send the reason if a command requested it."""
        slot.finish()
        if slot.kind.refuses:
            await page.refuse(slot.kind.refuses, error, self._command(slot))
        if slot.kind.requested:
            self._workspace.requests.end(slot.kind.requested)
