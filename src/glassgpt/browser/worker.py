"""The run of a page without a server: a player in a web worker, under Pyodide.

`web/src/worker/main.ts` starts it with `begin` and hands it the page's messages. It imports no
module of Pyodide: what belongs to the browser comes as functions.
"""

from __future__ import annotations

import traceback
from collections.abc import Awaitable, Callable
from typing import Protocol, TypeVar

import msgspec

from glassgpt.errors import GlassError, ProtocolError
from glassgpt.live import protocol
from glassgpt.live.new_run import Source
from glassgpt.live.opening import open_link
from glassgpt.live.player import Player
from glassgpt.live.workspace import Workspace

NAME = "here"  # of a run to which the page gives no name
MEMORY_GONE = "this run needed more memory than the browser has for a page"
FAULT = "this run ended because of an error in the program; the browser's console shows it"

Result = TypeVar("Result")


class Line(Protocol):
    """The worker's end of the connection to the page."""

    def event(self, frame: bytes) -> None:
        """Send an event."""

    def ended(self, reason: str) -> None:
        """State that the run has ended."""


class BrowserHost:
    """The host of a player in a web worker: one thread, and the browser's own timers.

    asyncio's timers would keep the page's messages waiting for half a second and more.
    """

    def __init__(
        self,
        pause: Callable[[], Awaitable[None]],
        sleep: Callable[[float], Awaitable[bool]],
        wake: Callable[[], None],
    ) -> None:
        self._pause, self._sleep, self._wake = pause, sleep, wake

    async def work(self, job: Callable[[], Result]) -> Result:
        """Run a job at once."""
        return job()

    async def pause(self) -> None:
        """Let the messages that have arrived be taken."""
        await self._pause()

    async def sleep(self, seconds: float | None) -> bool:
        """Sleep until `wake`, at most `seconds` if given; return whether it was woken."""
        return await self._sleep(-1 if seconds is None else seconds)

    def wake(self) -> None:
        """End the sleep; if there is none, the next one ends at once."""
        self._wake()


class Worker:
    """The run of a page, from its first command on."""

    def __init__(self, source: Source, host: BrowserHost, line: Line) -> None:
        self.source, self._host, self._line = source, host, line
        self._player: Player | None = None

    def hear(self, message: str | memoryview) -> None:
        """Take a message of the page: text, or a frame with a file."""
        said = message if isinstance(message, str) else bytes(message)
        try:
            command, file = protocol.decode_command(said)
            if isinstance(command, protocol.Open):
                self._player = self._player or self._open(command)
                self._player.attach(self._send)
            elif self._player is not None:
                self._player.tell(command, file)
            else:
                raise ProtocolError(f"the first command must be Open, not {type(command).__name__}")
        except GlassError as error:
            refused = protocol.Refused("", error.what, error.hint)
            self._line.event(protocol.encode_event(refused))

    @property
    def workspace(self) -> Workspace:
        """What the run's player plays, from the first command on."""
        assert self._player is not None, "no run has been opened"
        return self._player.workspace

    async def live(self) -> None:
        """Play the run that was opened until it fails."""
        if self._player is None:
            self._line.ended("no run could be opened")
            return
        try:
            await self._player.run_forever()
        except MemoryError:
            self._line.ended(MEMORY_GONE)
        except Exception:
            traceback.print_exc()
            self._line.ended(FAULT)

    def _open(self, command: protocol.Open) -> Player:
        opened = open_link(command.link, self.source)
        return Player.of(command.run or NAME, opened, self._host, still=command.still)

    async def _send(self, frame: bytes) -> None:
        self._line.event(frame)


def begin(
    pause: Callable[[], Awaitable[None]],
    sleep: Callable[[float], Awaitable[bool]],
    wake: Callable[[], None],
    line: Line,
    documents: str | None = None,
) -> Worker:
    """Return a worker that shows the documents of a site, by default the built-in names."""
    source = read_source(documents) if documents else Source.builtin()
    return Worker(source, BrowserHost(pause, sleep, wake), line)


def write_source(source: Source) -> str:
    """Return the file of a site's own documents."""
    return msgspec.json.encode(source).decode()


def read_source(text: str) -> Source:
    """Return the documents of such a file."""
    return msgspec.json.decode(text, type=Source)
