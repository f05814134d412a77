"""A player without a server, and what a page does with its events."""

from __future__ import annotations

import asyncio
import json
import struct
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from glassgpt import Config, Session
from glassgpt.live import protocol
from glassgpt.live.host import Bell
from glassgpt.live.new_run import Source
from glassgpt.live.player import Player
from glassgpt.live.workspace import Workspace

SOURCE = Source("tiny", ("ab", "ba", "abba", "baab", "aab"))


SMALL = Config(n_embd=4, n_head=2, block_size=4, num_steps=40)


Result = TypeVar("Result")


class Here(Bell):
    """A host without threads, as in a browser: work is done at once, and the clock continues."""

    async def work(self, job: Callable[[], Result]) -> Result:
        return job()

    async def pause(self) -> None:
        await asyncio.sleep(0.001)


class Page:
    """A page: keeps the events it receives, and acknowledges those it has drawn."""

    def __init__(self, player: Player, *, draws: bool = True) -> None:
        self.player, self.draws = player, draws
        self.events: list[dict[str, Any]] = []
        self.losses: list[float] = []
        self.arrays: dict[str, list[float]] = {}
        self.curves: dict[int, list[float]] = {}

    async def send(self, frame: bytes) -> None:
        (length,) = struct.unpack_from("<I", frame)
        event = json.loads(frame[4 : 4 + length])
        self.events.append(event)
        offset = 4 + length
        for head in event.get("arrays", ()):
            size = 1
            for n in head["shape"]:
                size *= n
            if head["dtype"] == "f8":
                self.arrays[head["name"]] = list(struct.unpack_from(f"<{size}d", frame, offset))
            offset += -(-size * {"f8": 8, "f4": 4, "u1": 1}[head["dtype"]] // 8) * 8
        if event["kind"] == "Curve":
            self.curves[event["branch"]] = self.arrays["losses"]
        elif event["kind"] == "Frame" and "losses" in {
            head["name"] for head in event.get("arrays", ())
        }:
            self.losses[event["first"] :] = self.arrays["losses"]
        if self.draws and "seq" in event:
            self.player.tell(protocol.Ack(event["seq"]))

    def last(self, kind: str) -> dict[str, Any]:
        return [event for event in self.events if event["kind"] == kind][-1]

    def tells(self, kind: str, branch: int) -> list[dict[str, Any]]:
        return [e for e in self.events if e["kind"] == kind and e["branch"] == branch]

    def count(self, kind: str) -> int:
        return sum(event["kind"] == kind for event in self.events)

    async def until(self, met: Callable[[], object], seconds: float = 10) -> None:
        async with asyncio.timeout(seconds):
            while not met():
                await asyncio.sleep(0.005)

    async def stands_at(self, step: int) -> None:
        await self.until(
            lambda: (
                self.count("Frame")
                and self.last("Frame")["step"] == step
                and not self.last("Frame")["busy"]
            )
        )


def played(
    script: Callable[[Player, Page], Awaitable[None]],
    config: Config = SMALL,
    *,
    draws: bool = True,
) -> Page:
    async def life() -> Page:
        player = Player("run", Workspace(SOURCE, config), Here())
        page = Page(player, draws=draws)
        task = asyncio.create_task(player.run_forever())
        player.attach(page.send)
        try:
            await script(player, page)
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
        return page

    return asyncio.run(life())


def straight(steps: int, config: Config = SMALL) -> Session:
    session = Session(config, SOURCE.documents)
    session.run(steps)
    return session
