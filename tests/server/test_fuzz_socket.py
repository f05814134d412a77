"""Random messages from bad clients harm neither the server nor another tab.

By default it sends a few messages; `HYPOTHESIS_PROFILE=thorough` sends 100,000 and also requires
a frame rate, so it needs a machine that does nothing else.
"""

from __future__ import annotations

import asyncio
import json
import random
import struct
import sys
import time
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, get_args

import pytest
from hypothesis import settings
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake

from glassgpt.live import protocol
from tests.support.mutations import EXAMPLES, TEXT, any_message, message
from tests.support.serving import Served, resident, serving, works

THOROUGH = settings.get_current_profile_name() == "thorough"
MESSAGES = 100_000 if THOROUGH else 1200
BAD = 4  # clients at once
PATIENCE = 1.0  # seconds in which a message must be received; a computing run receives none
GAP = 5.0  # seconds without a frame that the good tab bears, where much else is done as well
FRAMES = 30  # a second, in the thorough run
GROWTH = 32 * 2**20  # bytes that the server may hold more than before
KEPT = 2.0  # seconds for which this server keeps a run without a page
# The server, except for the time after which it ends a run.
FORGETFUL = (
    f"from glassgpt.server import runs; runs.IDLE = {KEPT}; from glassgpt.cli import main; main()"
)
UNASKED = {"Hello", "Frame", "Samples", "Baselines", "ValidationLoss", "Branches"}

linux = pytest.mark.skipif(sys.platform != "linux", reason="processes are counted on Linux alone")


def test_every_command_has_an_example_that_is_well_formed() -> None:
    assert {type(command) for command, _ in EXAMPLES} == set(get_args(protocol.Command))
    for command, file in EXAMPLES:
        fields = {name: getattr(command, name) for name in command.__struct_fields__}
        said = message({"kind": type(command).__name__, **fields}, file)
        assert protocol.decode_command(said) == (command, file)


@dataclass
class Good:
    """A tab that plays, acknowledges every event at once, and keeps what it was sent."""

    events: list[dict[str, Any]] = field(default_factory=list)
    times: list[float] = field(default_factory=list)  # of frames

    async def live(self, line: ClientConnection) -> None:
        """Play until cancelled; a server that closes the line is an error."""
        await line.send(json.dumps({"kind": "Open", "link": "num_steps=1000000"}))
        async for said in line:
            if isinstance(said, bytes):
                await self._hear(line, head(said))
        raise AssertionError(f"the good tab was closed: {line.close_code} {line.close_reason}")

    async def _hear(self, line: ClientConnection, event: dict[str, Any]) -> None:
        self.events.append(event)
        if event["kind"] == "Frame":
            self.times.append(time.perf_counter())
        if "seq" in event:
            await line.send(json.dumps({"kind": "Ack", "seq": event["seq"]}))

    def has_only_what_it_caused(self) -> None:
        """Fail if an event came that this tab's own run does not send."""
        assert {event["kind"] for event in self.events} <= UNASKED
        assert [event["kind"] for event in self.events].count("Hello") == 1
        numbers = [event["seq"] for event in self.events if "seq" in event]
        assert numbers == list(range(1, len(numbers) + 1))
        steps = [event["step"] for event in self.events if event["kind"] == "Frame"]
        assert steps == sorted(steps)

    @property
    def longest_gap(self) -> float:
        """Return the longest time without a frame, until now."""
        return max(b - a for a, b in zip(self.times, [*self.times[1:], time.perf_counter()]))


def head(frame: bytes) -> dict[str, Any]:
    (length,) = struct.unpack_from("<I", frame)
    event: dict[str, Any] = json.loads(frame[4 : 4 + length])
    return event


class Bad:
    """A client that sends random messages, and connects again when it is disconnected."""

    def __init__(self, url: str, seed: int) -> None:
        self._url = url
        self._chance = random.Random(seed)
        self._run = ""
        self.sent = 0
        self.faults: list[str | None] = []  # why runs of this client ended

    async def live(self, messages: int) -> None:
        """Send this many `messages`, in as many connections as that takes."""
        while self.sent < messages:
            with suppress(ConnectionClosed, InvalidHandshake, TimeoutError):
                await self._connect(messages)

    async def _connect(self, messages: int) -> None:
        line = await connect(self._url, max_size=None, compression=None, close_timeout=1)
        try:
            async with line:
                await self._talk(line, messages)
        finally:
            if line.close_code == protocol.ENDED:
                self.faults.append(line.close_reason)

    async def _talk(self, line: ClientConnection, messages: int) -> None:
        chance = self._chance
        if chance.random() < 0.9:  # else the first message is random too
            run = self._run if chance.random() < 0.8 else ""
            await line.send(json.dumps({"kind": "Open", "run": run, "still": True}))
        hearing = asyncio.create_task(self._hear(line, acknowledges=chance.random() < 0.7))
        try:
            for _ in range(min(chance.choice([1, 20, 300]), messages - self.sent)):
                await asyncio.wait_for(line.send(any_message(chance)), PATIENCE)
                self.sent += 1
                await asyncio.sleep(0.003)  # the server takes 300 a second
        except TimeoutError:
            self._run = ""  # it computes something long
            raise
        finally:
            hearing.cancel()

    async def _hear(self, line: ClientConnection, *, acknowledges: bool) -> None:
        with suppress(ConnectionClosed):
            async for said in line:
                if isinstance(said, bytes):
                    event = head(said)
                    self._run = event.get("run", self._run)
                    if "seq" in event and acknowledges:
                        await line.send(json.dumps({"kind": "Ack", "seq": event["seq"]}))


def workers(server: Served) -> int:
    """Return how many processes the server and its processes have started."""
    found, todo = 0, [server.process.pid]
    while todo:
        with suppress(OSError):
            for task in Path(f"/proc/{todo.pop()}/task").iterdir():
                children = (task / "children").read_text().split()
                todo += map(int, children)
                found += len(children)
    return found


async def settled(server: Served, at_most: int) -> None:
    """Wait until there are no more processes than this."""
    end = time.monotonic() + 20 * KEPT
    while workers(server) > at_most:
        assert time.monotonic() < end, f"{workers(server)} processes, where {at_most} were before"
        await asyncio.sleep(0.2)


@dataclass
class Figures:
    """The effects of an attack on the server and on another tab."""

    messages: int
    seconds: float
    frames: float  # a second
    gap: float  # seconds
    before: int  # bytes of the server
    after: int

    def __str__(self) -> str:
        return (
            f"{self.messages:,} messages in {self.seconds:.0f} s; the good tab saw "
            f"{self.frames:.0f} frames a second, its longest gap was {1000 * self.gap:.0f} ms; "
            f"the server held {self.before / 1e6:.0f} MB before, {self.after / 1e6:.0f} MB after"
        )


async def attacked(server: Served) -> Figures:
    """Let a good tab play while bad clients attack, until their runs have ended."""
    async with connect(server.socket, max_size=None, compression=None) as line:
        good = Good()
        playing = asyncio.create_task(good.live(line))
        await asyncio.sleep(2)
        processes, before = workers(server), resident(server)
        bad = [Bad(server.socket, seed) for seed in range(BAD)]
        began, good.times = time.perf_counter(), good.times[-1:]
        await asyncio.gather(*(one.live(MESSAGES // BAD) for one in bad))
        seconds = time.perf_counter() - began
        frames, gap = len(good.times) / seconds, good.longest_gap
        await settled(server, processes)
        assert not playing.done(), playing
        playing.cancel()
        await asyncio.wait([playing])
    good.has_only_what_it_caused()
    assert not any(one.faults for one in bad), [one.faults for one in bad]
    sent = sum(one.sent for one in bad)
    return Figures(sent, seconds, frames, gap, before, resident(server))


@linux
def test_random_messages_harm_neither_the_server_nor_another_tab(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = tmp_path / "tiny.txt"
    data.write_bytes(TEXT)
    with serving(data=data, program=("-c", FORGETFUL)) as server:
        figures = asyncio.run(attacked(server))
        works(server)
    assert set(server.output) <= {"Ctrl-C ends it."}  # which may have come with its address
    assert figures.gap < GAP, figures
    assert figures.after - figures.before < GROWTH, figures
    if THOROUGH:
        assert figures.frames >= FRAMES, figures
        with capsys.disabled():
            print(f"\n{figures}")
