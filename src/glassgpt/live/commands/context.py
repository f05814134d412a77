"""The objects that a command may change."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from glassgpt.errors import DivergenceError, GlassError
from glassgpt.live import protocol
from glassgpt.live.connection import Connection
from glassgpt.live.frames import Frames
from glassgpt.live.jobs.scheduler import Compute, Scheduler
from glassgpt.live.playback import Playback
from glassgpt.live.presenters import run as present
from glassgpt.live.sources import Sources
from glassgpt.live.workspace import Workspace


@dataclass
class Context:
    """A workspace, its playback, and the page that watches."""

    name: str
    workspace: Workspace
    playback: Playback
    frames: Frames
    jobs: Scheduler
    compute: Compute
    sources: Sources
    page: Connection | None = None
    command: int = 0  # the id of the command being executed
    file: bytes | None = None  # the file that came with it

    async def answer(self, event: protocol.Event, arrays: Sequence[memoryview[Any]] = ()) -> None:
        """Send an event that answers the command."""
        if self.page is not None:
            await self.page.tell(event, arrays, self.command)

    async def refuse(self, command: protocol.Command, error: GlassError) -> None:
        """Send the reason why a command is refused."""
        if self.page is not None:
            await self.page.refuse(type(command).__name__, error, self.command)

    async def stopped(self, error: DivergenceError) -> None:
        """Pause, and send the reason why training stopped."""
        self.playback.pause()
        await self.answer(present.stopped(self.workspace.session.step, error))

    async def hello(self) -> None:
        """Send the whole run, and everything else again."""
        workspace, pace = self.workspace, self.playback.clock.pace
        event = await self.compute(lambda: present.hello(workspace, self.name, pace))
        if self.page is not None:
            self.page.first = 0
        self.jobs.restart()
        await self.answer(event)
