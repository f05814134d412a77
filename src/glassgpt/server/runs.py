"""The runs of a server, each in its own process: kept during a reload, ended when left unused.

The end of a process frees the memory of its run, a fault affects one tab only, and the system
schedules all runs. Independent of HTTP: a socket is an object that sends bytes and can be closed.
"""

from __future__ import annotations

import asyncio
import json
import multiprocessing
import pickle
import secrets
import signal
import socket
import time
from contextlib import suppress
from dataclasses import dataclass, field
from multiprocessing.process import BaseProcess
from typing import Protocol

from glassgpt.errors import EngineError
from glassgpt.live import protocol
from glassgpt.live.new_run import Source
from glassgpt.server import worker
from glassgpt.server.worker import BUFFER, HEAD, Kind
from glassgpt.training.snapshot import Snapshot

MAX_RUNS = 64  # a class of thirty, two tabs each
IDLE = 15 * 60  # seconds that a run is kept while no page is connected
REST = 1.0  # seconds before the next tab's run is prepared: by then the last one has begun
# A fork of a process that has imported everything is ready in milliseconds. Safe only on Linux.
METHOD = "forkserver" if "forkserver" in multiprocessing.get_all_start_methods() else "spawn"
KILLED = "the process of this run was ended from outside, or by the system when memory ran out"


class Client(Protocol):
    """A page's socket as a run uses it; a disconnected page is not an error."""

    async def send(self, frame: bytes) -> None:
        """Send a message."""

    async def close(self, code: int, reason: str) -> None:
        """Close it."""


@dataclass(slots=True)
class Run:
    """A worker process, the socket to it, and the page that watches its run."""

    process: BaseProcess
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    seen: float = field(default_factory=time.monotonic)
    client: Client | None = None
    page: int = 0  # the number of the client: frames for earlier clients are dropped
    ended: bool = False
    sending: asyncio.Task[None] | None = None  # a frame, to the client

    async def attach(self, client: Client) -> int:
        """Let a page watch, from the beginning; return its number."""
        self.client, self.page = client, self.page + 1
        if self.sending is not None:
            self.sending.cancel()  # the page before may never take it
        number = self.page
        await self.say(Kind.ATTACH, number)
        return number

    async def detach(self, client: Client) -> None:
        """Pause the run until another page connects."""
        if self.client is client:
            self.client, self.seen = None, time.monotonic()
            with suppress(ConnectionError):
                await self.say(Kind.DETACH, self.page)

    async def say(self, kind: Kind, page: int, body: bytes = b"") -> None:
        """Send the worker a page's message; wait until it can. Raises `ConnectionError`."""
        self.writer.write(HEAD.pack(len(body), kind, page))
        self.writer.write(body)
        await self.writer.drain()

    async def forward(self) -> None:
        """Send the page the worker's frames, until the worker ends."""
        code, reason = protocol.ENDED, KILLED
        with suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                length, kind, page = HEAD.unpack(await self.reader.readexactly(HEAD.size))
                body = await self.reader.readexactly(length)
                if page != self.page or self.client is None:
                    continue
                if kind == Kind.EVENT:
                    self.sending = asyncio.create_task(self.client.send(body))
                    await asyncio.wait([self.sending])
                else:
                    code, reason = json.loads(body)
                    await self.client.close(code, reason)
        self.ended = True
        self.writer.close()
        if self.client is not None:
            await self.client.close(code, reason)

    def end(self) -> None:
        """End the process, even during a computation."""
        self.ended = True
        self.process.kill()
        self.writer.close()


class Runs:
    """All runs of this server, by name."""

    def __init__(
        self, source: Source, snapshot: Snapshot | None = None, method: str = METHOD
    ) -> None:
        self._pickled = pickle.dumps((source, snapshot))
        self._context = multiprocessing.get_context(method)
        if method == "forkserver":
            self._context.set_forkserver_preload(["glassgpt.server.worker", "glassgpt.cli"])
        self._runs: dict[str, Run] = {}
        self._ready: asyncio.Task[Run] | None = None
        self._starting: set[asyncio.Task[Run]] = set()  # for tabs that wait
        self._forwarding: set[asyncio.Task[None]] = set()
        self._closed = False

    def prepare(self) -> None:
        """Start the process of the next tab, and make its run, before the tab is opened."""
        if self._ready is None and not self._closed:
            self._ready = asyncio.create_task(self._start())

    async def open(self, request: protocol.Open) -> Run:
        """Return the requested run, or a new one. Raises `EngineError`."""
        known = self._runs.get(request.run)
        if known is not None and not known.ended:
            return known
        self._make_room()
        name = secrets.token_urlsafe(12)
        run = self._runs[name] = await self._new()
        self._forwarding.add(task := asyncio.create_task(run.forward(), name=f"run {name}"))
        task.add_done_callback(self._forwarding.discard)
        await run.say(Kind.OPEN, 0, json.dumps([name, request.link, request.still]).encode())
        return run

    async def _new(self) -> Run:
        starting, self._ready = self._ready or asyncio.create_task(self._start()), None
        asyncio.get_running_loop().call_later(REST, self.prepare)
        self._starting.add(starting)
        try:
            return await starting
        finally:
            self._starting.discard(starting)

    async def _start(self) -> Run:
        try:
            ours, theirs = socket.socketpair()
            with theirs:
                try:
                    ours.setblocking(False)
                    process = await asyncio.to_thread(self._process, theirs)
                    return Run(process, *await asyncio.open_connection(sock=ours, limit=BUFFER))
                except BaseException:
                    ours.close()
                    raise
        except OSError as error:
            raise EngineError(
                f"no process could be started for this run: {error.strerror or error}",
                "close other tabs of this server, or other programs",
            ) from None

    def _process(self, theirs: socket.socket) -> BaseProcess:
        """Start a process; Ctrl-C does not reach it, not even while it begins."""
        process: BaseProcess = self._context.Process(  # type: ignore[attr-defined]
            target=worker.main, args=(theirs, self._pickled), daemon=True
        )
        if hasattr(signal, "pthread_sigmask"):
            signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})  # it inherits this
        process.start()
        return process

    def _make_room(self) -> None:
        for name in [name for name, run in self._runs.items() if run.ended]:
            self._end(name)
        if len(self._runs) + len(self._starting) < MAX_RUNS:
            return
        idle = [(run.seen, name) for name, run in self._runs.items() if run.client is None]
        if not idle:
            raise EngineError(
                f"{MAX_RUNS} runs are open on this server, which is the limit",
                "close one of their tabs",
            )
        self._end(min(idle)[1])

    def _end(self, name: str) -> None:
        self._runs.pop(name).end()

    async def sweep(self) -> None:
        """End the runs that have had no page for too long, in an endless loop."""
        while True:
            await asyncio.sleep(IDLE / 15)
            now = time.monotonic()
            for name, run in list(self._runs.items()):
                if run.ended or (run.client is None and now - run.seen > IDLE):
                    self._end(name)

    def end_all(self) -> None:
        """End every run at once."""
        for name in list(self._runs):
            self._end(name)
        self._closed = True
        for starting in self._starting:
            starting.cancel()
        if self._ready is not None and not self._ready.cancel() and not self._ready.exception():
            self._ready.result().end()
        self._ready = None
