"""The process of one run: a player, and a socket to the server that started it.

A worker has one loop, in which jobs run one after the other, as in a browser. It ends when the
server kills it or ends. A message between server and worker has a length, a kind (`Kind`), the
number of its page, and bytes.
"""

from __future__ import annotations

import asyncio
import gc
import json
import logging
import multiprocessing
import os
import pickle
import signal
import socket
import struct
import sys
import threading
from collections.abc import Awaitable, Callable
from contextlib import suppress
from enum import IntEnum
from typing import Any, TypeVar

from glassgpt.errors import GlassError, ProtocolError
from glassgpt.live import protocol
from glassgpt.live.host import Bell
from glassgpt.live.new_run import Source
from glassgpt.live.opening import is_default, open_link
from glassgpt.live.player import Player
from glassgpt.live.workspace import Workspace
from glassgpt.training.snapshot import Snapshot

HEAD = struct.Struct("<QBI")  # length of the bytes, kind, page
BUFFER = 2**20  # bytes that wait in a socket's buffers
# Bytes that a run may hold, so that one cannot take the memory of all. The largest run that
# `bench/classroom.py --beside` begins holds 1.75 GB, and a change to it needs a second engine.
MAX_MEMORY = 3 * 2**30
DATA_MEMORY = 32  # and for each byte of the server's own documents, pickled: 20 are measured
MAX_MISTAKES = 20  # invalid messages before a page is refused
POLICY = 1008  # WebSocket close code
MEMORY_GONE = "this run needed more memory than a run may use"
FAULT = "this run ended because of an error in the program; the server's terminal shows it"

Result = TypeVar("Result")


class Kind(IntEnum):
    """What a message between server and worker is."""

    OPEN = 0  # to the worker: make the run; JSON of name, link, and whether it begins paused
    ATTACH = 1  # to the worker: a page has connected
    DETACH = 2  # to the worker: the page has disconnected
    TEXT = 3  # to the worker: a text message of the page
    BYTES = 4  # to the worker: a binary one
    EVENT = 5  # to the server: a frame for the page
    CLOSE = 6  # to the server: close the page's socket; JSON of code and reason


def message(kind: Kind, page: int, body: bytes) -> bytes:
    """Return the bytes of a message."""
    return HEAD.pack(len(body), kind, page) + body


class Inline(Bell):
    """The host of a player in its own process: a job runs at once, as it blocks no other run."""

    async def work(self, job: Callable[[], Result]) -> Result:
        """Run a job."""
        return job()

    async def pause(self) -> None:
        """Read what has arrived: the first turn of the loop finds it, the second takes it."""
        await asyncio.sleep(0)
        await asyncio.sleep(0)


class Line(asyncio.Protocol):
    """The worker's end of the socket."""

    def __init__(
        self, take: Callable[[Kind, int, bytes], None], no_memory: Callable[[], object]
    ) -> None:
        self._take, self._no_memory = take, no_memory
        self._came = bytearray()
        self._transport: asyncio.Transport
        self._writable = asyncio.Event()
        self._writable.set()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Disable buffering: what was sent must leave before a long job begins."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        transport.set_write_buffer_limits(high=0)

    def data_received(self, data: bytes) -> None:
        """Take every message that is complete."""
        try:
            self._came += data
            self._take_complete()
        except MemoryError:  # a transport would report only that its protocol failed
            self._no_memory()

    def _take_complete(self) -> None:
        while len(self._came) >= HEAD.size:
            length, kind, page = HEAD.unpack_from(self._came)
            if len(self._came) < HEAD.size + length:
                return
            body = bytes(memoryview(self._came)[HEAD.size : HEAD.size + length])
            del self._came[: HEAD.size + length]
            self._take(Kind(kind), page, body)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002
        """End: the server is gone."""
        os._exit(0)

    def pause_writing(self) -> None:
        """Wait from now on: the server does not read."""
        self._writable.clear()

    def resume_writing(self) -> None:
        """Continue sending."""
        self._writable.set()

    async def send(self, kind: Kind, page: int, body: bytes) -> None:
        """Send a message; return when the system has taken it."""
        self._transport.write(message(kind, page, body))
        await self._writable.wait()


class Worker:
    """The run of this process, and the page that watches it."""

    def __init__(self, source: Source, snapshot: Snapshot | None) -> None:
        self._source = source
        self._snapshot = snapshot
        self._ready: Workspace | None = None
        self._line = Line(self._take, self._end_for_want_of_memory)
        self._player: Player | None = None
        self._early: list[tuple[Kind, int, bytes]] = []  # messages that came before the run
        self._came = asyncio.Event()
        self._page, self._mistakes = 1, 0  # the first page has number 1
        self._send: Callable[[bytes], Awaitable[None]] | None = None
        self._sending: set[asyncio.Task[None]] = set()
        self._life: asyncio.Task[None] | None = None

    async def live(self, end: socket.socket) -> None:
        """Play the run until this process is ended or the run fails."""
        self._life = asyncio.current_task()
        await asyncio.get_running_loop().create_connection(lambda: self._line, sock=end)
        try:
            with suppress(GlassError):  # the page that opens the run is refused with it
                self._ready = open_link("", self._source, self._snapshot).workspace
            await self._came.wait()
            await self._open().run_forever()
        except GlassError as error:
            await self._refuse(self._page, error)
            await self._close(POLICY, "no run could be opened")
        except (MemoryError, asyncio.CancelledError):
            _allow_memory(None)  # the process ends now, but must first send the reason
            await self._close(protocol.ENDED, MEMORY_GONE)
        except Exception:
            logging.getLogger(__name__).exception("a run ended")
            await self._close(protocol.ENDED, FAULT)

    def _end_for_want_of_memory(self) -> None:
        """End the run from outside its task."""
        if self._life is not None:
            self._life.cancel()

    def _open(self) -> Player:
        """Make the run that the first message requests, then handle the messages after it."""
        (_, _, body), *later = self._early
        name, link, still = json.loads(body)
        ready, self._ready = self._ready if is_default(link) else None, None
        opened = open_link(link, self._source, self._snapshot, ready)
        self._player = player = Player.of(name, opened, Inline(), still=still)
        for kind, page, body in later:
            self._take(kind, page, body)
        return player

    def _take(self, kind: Kind, page: int, body: bytes) -> None:
        player = self._player
        if player is None:
            if kind is Kind.ATTACH:
                self._page = page  # the page to refuse if no run can be opened
            self._early.append((kind, page, body))
            self._came.set()
            return
        match kind:
            case Kind.ATTACH:
                self._page, self._mistakes = page, 0
                self._send = self._sender(page)
                player.attach(self._send)
            case Kind.DETACH if page == self._page and self._send is not None:
                player.detach(self._send)
            case Kind.TEXT | Kind.BYTES if page == self._page:
                self._tell(player, page, body.decode() if kind is Kind.TEXT else body)

    def _sender(self, page: int) -> Callable[[bytes], Awaitable[None]]:
        async def send(frame: bytes) -> None:
            await self._line.send(Kind.EVENT, page, frame)

        return send

    def _tell(self, player: Player, page: int, said: str | bytes) -> None:
        try:
            player.tell(*protocol.decode_command(said))
        except ProtocolError as error:
            self._mistakes += 1
            self._later(self._refuse(page, error))
            if self._mistakes == MAX_MISTAKES:
                self._later(self._close(POLICY, "too many invalid messages"))

    def _later(self, sending: Any) -> None:
        self._sending.add(task := asyncio.ensure_future(sending))
        task.add_done_callback(self._sending.discard)

    async def _refuse(self, page: int, error: GlassError) -> None:
        refused = protocol.Refused("", error.what, error.hint)
        await self._line.send(Kind.EVENT, page, protocol.encode_event(refused))

    async def _close(self, code: int, reason: str) -> None:
        body = json.dumps([code, reason]).encode()
        await self._line.send(Kind.CLOSE, self._page, body)


def main(end: socket.socket, pickled: bytes) -> None:
    """Run a worker; `pickled` is the server's source and snapshot."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the server, which ends us
    threading.Thread(target=_end_with_the_server, daemon=True).start()
    if hasattr(os, "nice"):
        os.nice(1)  # the server comes first, so that it answers all tabs whatever runs compute
    _allow_memory(MAX_MEMORY + DATA_MEMORY * len(pickled))
    gc.freeze()  # what came with the fork is shared by all workers until it is written to
    asyncio.run(Worker(*pickle.loads(pickled)).live(end))


def _allow_memory(octets: int | None) -> None:
    """Limit the data of this process to `octets`, or not at all; only on Linux.

    Python then raises `MemoryError` before the system has to end another process.
    """
    if sys.platform == "linux":
        import resource

        hard = resource.getrlimit(resource.RLIMIT_DATA)[1]
        with suppress(ValueError):  # the hard limit is lower, and stays
            resource.setrlimit(resource.RLIMIT_DATA, (hard if octets is None else octets, hard))


def _end_with_the_server() -> None:
    """End this process when the server is gone, even during a computation."""
    if (server := multiprocessing.parent_process()) is not None:
        server.join()
        os._exit(0)
