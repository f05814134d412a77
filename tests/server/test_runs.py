"""The runs of a server: limits, pages that connect and leave, processes that cannot start."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from glassgpt.errors import EngineError
from glassgpt.live import protocol
from glassgpt.live.new_run import Source
from glassgpt.server import runs
from glassgpt.server.runs import Run, Runs
from glassgpt.server.worker import HEAD, Kind, message


class Process:
    """A process that does nothing."""

    def kill(self) -> None:
        """End."""


class Started(Runs):
    """Runs whose workers are replaced by the other ends of their sockets."""

    def __init__(self) -> None:
        super().__init__(Source("tiny", ("ab", "ba")), method="spawn")
        self.ends: list[socket.socket] = []

    def _process(self, theirs: socket.socket) -> Any:
        self.ends.append(theirs.dup())
        return Process()


class Page:
    """A client; a `stuck` one receives no message."""

    def __init__(self, stuck: bool = False) -> None:
        self.frames: list[bytes] = []
        self._stuck = stuck

    async def send(self, frame: bytes) -> None:
        """Take a message."""
        if self._stuck:
            await asyncio.Event().wait()
        self.frames.append(frame)

    async def close(self, code: int, reason: str) -> None:
        """Close."""


def running(test: Callable[[Started], Awaitable[None]]) -> None:
    """Run a test in a loop; end its runs."""

    async def main() -> None:
        started = Started()
        try:
            await asyncio.wait_for(test(started), 10)
        finally:
            started.end_all()
            for end in started.ends:
                end.close()
            await asyncio.sleep(0)  # the transports close

    asyncio.run(main())


async def watched(started: Started, page: Page) -> Run:
    run = await started.open(protocol.Open())
    await run.attach(page)
    return run


def test_tabs_that_come_at_once_are_not_more_than_there_may_be(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(runs, "MAX_RUNS", 3)

    async def test(started: Started) -> None:
        tabs = [watched(started, Page()) for _ in range(9)]
        opened = await asyncio.gather(*tabs, return_exceptions=True)
        assert sum(isinstance(one, Run) for one in opened) == 3
        assert sum(isinstance(one, EngineError) for one in opened) == 6

    running(test)


def test_a_process_that_cannot_be_started_is_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*_: object) -> None:
        raise OSError(11, "Resource temporarily unavailable")

    monkeypatch.setattr(Started, "_process", fails)

    async def test(started: Started) -> None:
        started.prepare()
        with pytest.raises(EngineError, match="Resource temporarily unavailable"):
            await started.open(protocol.Open())

    running(test)


def test_a_prepared_process_that_was_not_used_does_not_delay_the_end(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def fails(*_: object) -> None:
        raise OSError(24, "Too many open files")

    monkeypatch.setattr(Started, "_process", fails)

    async def test(started: Started) -> None:
        started.prepare()
        await asyncio.sleep(0.1)

    running(test)


def test_a_page_that_receives_nothing_does_not_delay_the_next_one() -> None:
    async def test(started: Started) -> None:
        stuck, page = Page(stuck=True), Page()
        run = await watched(started, stuck)
        started.ends[0].sendall(message(Kind.EVENT, 1, b"for the stuck one"))
        await asyncio.sleep(0.05)
        assert await run.attach(page) == 2
        started.ends[0].sendall(message(Kind.EVENT, 2, b"for the other"))
        while not page.frames:
            await asyncio.sleep(0.01)
        assert page.frames == [b"for the other"]

    running(test)


def test_a_message_has_the_number_of_its_own_page_even_after_another_connected() -> None:
    async def test(started: Started) -> None:
        run = await watched(started, Page())
        await run.attach(Page())
        await run.say(Kind.TEXT, 1, b"late")
        sent, heads = started.ends[0].recv(4096), []
        while sent:
            length, kind, page = HEAD.unpack_from(sent)
            heads.append((kind, page))
            sent = sent[HEAD.size + length :]
        assert heads[1:] == [(Kind.ATTACH, 1), (Kind.ATTACH, 2), (Kind.TEXT, 1)]

    running(test)
