"""The runs of a server: one for each browser tab, kept through a reload, ended when forgotten.

It knows no HTTP; of a socket only that it can be closed.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol, TypeVar

from glassgpt import protocol
from glassgpt.errors import EngineError
from glassgpt.exhibit import Exhibit
from glassgpt.opening import is_default, open_link
from glassgpt.player import Player
from glassgpt.proposal import Source
from glassgpt.snapshot import Snapshot

# A class of thirty, two tabs each. The default run holds 16 MB at its last step, one that fills
# its budget of snapshots (history.py) 90 MB, an entered graph 26 MB more: 64 take 1 GB, and 7 GB
# where all are long. Branches share the budget of their run; runs that play share the cores.
MAX_RUNS = 64
IDLE = 15 * 60  # seconds that a run is kept for when nobody looks at it
DIED = 1011  # WebSocket close code

Result = TypeVar("Result")


class Client(Protocol):
    """A socket, as far as a run knows it."""

    async def close(self, code: int = 1000, reason: str | None = None) -> None:
        """Hang up."""


class Threads:
    """The host of a player here: work goes to a thread."""

    async def work(self, job: Callable[[], Result]) -> Result:
        """Run a job without holding up the others."""
        return await asyncio.to_thread(job)

    async def pause(self) -> None:
        """Let the others run."""
        await asyncio.sleep(0)  # harmless here: this loop serves sockets and timers in turn


@dataclass(slots=True)
class Run:
    """A player that is alive, and the socket that listens to it."""

    player: Player
    task: asyncio.Task[None]
    seen: float = field(default_factory=time.monotonic)
    client: Client | None = None


class Runs:
    """All runs of this server, by name."""

    def __init__(self, source: Source, snapshot: Snapshot | None = None) -> None:
        self._source = source
        self._snapshot = snapshot
        self._runs: dict[str, Run] = {}
        self._closing: set[asyncio.Future[None]] = set()
        self._first: asyncio.Task[Exhibit] | None = None

    def prepare(self) -> None:
        """Make the run of the first tab while its browser starts."""
        if self._snapshot is None:
            self._first = asyncio.create_task(asyncio.to_thread(lambda: Exhibit(self._source)))

    async def open(self, request: protocol.Open) -> Run:
        """Return the run that is asked for, or a new one."""
        known = self._runs.get(request.run)
        if known is not None and not known.task.done():
            return known
        self._make_room()
        name = secrets.token_urlsafe(12)
        player = await self._new_player(name, request)
        run = Run(player, asyncio.create_task(player.run_forever(), name=f"run {name}"))
        run.task.add_done_callback(lambda task: self._died(run, task))
        self._runs[name] = run
        return run

    async def _new_player(self, name: str, request: protocol.Open) -> Player:
        first, self._first = self._first, None
        ready = await first if first is not None and is_default(request.link) else None
        opened = await asyncio.to_thread(
            lambda: open_link(request.link, self._source, self._snapshot, ready)
        )
        player = Player(name, opened.exhibit, Threads())
        player.notice, player.waiting = opened.notice, opened.waiting
        if opened.step is not None:
            player.tell(protocol.Seek(opened.step))
        elif not request.still and opened.exhibit.session.steps_left:
            player.tell(protocol.Play())
        return player

    def _died(self, run: Run, task: asyncio.Task[None]) -> None:
        """Say why a run died of a fault of ours, and let its page ask for another."""
        if task.cancelled() or task.exception() is None:
            return
        logging.getLogger(__name__).error("a run died", exc_info=task.exception())
        if run.client is not None:
            self._closing.add(closing := asyncio.ensure_future(run.client.close(DIED)))
            closing.add_done_callback(self._closing.discard)

    def _make_room(self) -> None:
        if len(self._runs) < MAX_RUNS:
            return
        idle = [(run.seen, name) for name, run in self._runs.items() if run.client is None]
        if not idle:
            raise EngineError(
                f"{MAX_RUNS} runs are open on this server, which is as many as it takes",
                "close one of their tabs",
            )
        self._end(min(idle)[1])

    def _end(self, name: str) -> None:
        self._runs.pop(name).task.cancel()

    async def sweep(self) -> None:
        """End the runs that nobody looks at, for ever."""
        while True:
            await asyncio.sleep(IDLE / 15)
            now = time.monotonic()
            for name, run in list(self._runs.items()):
                if run.task.done() or (run.client is None and now - run.seen > IDLE):
                    self._end(name)

    async def end_all(self) -> None:
        """End every run."""
        tasks = [run.task for run in self._runs.values()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
