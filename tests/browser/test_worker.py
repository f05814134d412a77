"""The worker of a page without a server, under CPython: the same events as any player sends."""

from __future__ import annotations

import asyncio
import json
import struct
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from glassgpt import Session, builtin_names
from glassgpt.browser import worker as browser
from glassgpt.live.host import Bell
from glassgpt.live.new_run import Source
from glassgpt.live.player import Player
from glassgpt.training.link import read_link
from tests.support.mutations import framed

LINK = "n_embd=4&n_head=2&block_size=4&num_steps=20&seed=3"


class Line:
    """The page: keeps the events, acknowledges each."""

    def __init__(self) -> None:
        self.events: list[dict[str, Any]] = []
        self.files: list[bytes] = []
        self.reasons: list[str] = []
        self.worker: browser.Worker

    def event(self, frame: bytes) -> None:
        (length,) = struct.unpack_from("<I", frame)
        event = json.loads(frame[4 : 4 + length])
        self.events.append(event)
        if event["kind"] == "File":
            (size,) = event["arrays"][0]["shape"]
            self.files.append(frame[4 + length :][:size])
        if "seq" in event:
            self.worker.hear(json.dumps({"kind": "Ack", "seq": event["seq"]}))

    def ended(self, reason: str) -> None:
        self.reasons.append(reason)

    def say(self, kind: str, **fields: Any) -> None:
        self.worker.hear(json.dumps({"kind": kind, **fields}))

    async def until(self, met: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        async with asyncio.timeout(10):
            while not (found := [event for event in self.events if met(event)]):
                await asyncio.sleep(0.005)
        return found[0]


def living(script: Callable[[Line], Awaitable[None]], documents: str | None = None) -> Line:
    """Run a worker while a page does what `script` says."""

    async def life() -> Line:
        bell, line = Bell(), Line()

        async def pause() -> None:
            await asyncio.sleep(0)

        async def sleep(seconds: float) -> bool:
            return await bell.sleep(seconds if seconds >= 0 else None)

        line.worker = browser.begin(pause, sleep, bell.wake, line, documents)
        line.say("Open", run="a1", link=LINK, still=False)
        task = asyncio.create_task(line.worker.live())
        await script(line)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        return line

    return asyncio.run(life())


def is_last(event: dict[str, Any]) -> bool:
    return event["kind"] == "Frame" and event["step"] == 20


def test_it_trains_the_run_of_the_link_on_the_built_in_names() -> None:
    async def script(line: Line) -> None:
        line.say("Pace", steps_per_second=0)
        await line.until(is_last)
        line.say("Save", what="log.jsonl")
        await line.until(lambda event: event["kind"] == "File")

    line = living(script)
    log = [json.loads(text) for text in line.files[0].decode().splitlines()]
    records = Session(read_link(LINK).recipe.config, builtin_names()).run()
    assert [one["loss"] for one in log] == [record.loss for record in records]


def test_a_site_with_documents_of_its_own_trains_on_these() -> None:
    source = Source("poems", ("ab", "ba", "é\u2028b"))

    async def script(line: Line) -> None:
        await line.until(lambda event: event["kind"] == "Hello")

    hello = living(script, browser.write_source(source)).events[0]
    assert hello["characters"] == ["a", "b", "é", "\u2028"]
    assert hello["data_name"] == "poems"


def test_a_file_comes_as_a_buffer() -> None:
    async def script(line: Line) -> None:
        fields = {"kind": "Consider", "config": {}, "engine": "", "data": "sent", "data_name": "x"}
        line.worker.hear(memoryview(framed(json.dumps(fields).encode(), b"ab\nba\n")))
        await line.until(lambda event: event["kind"] == "Considered")

    living(script)


@pytest.mark.parametrize("said", ["not JSON", '{"kind":"Explode"}'])
def test_an_invalid_message_is_refused_and_the_run_continues(said: str) -> None:
    async def script(line: Line) -> None:
        line.worker.hear(said)
        await line.until(lambda event: event["kind"] == "Refused")
        line.say("Seek", step=7)
        await line.until(lambda event: event["kind"] == "Frame" and event["step"] == 7)

    living(script)


def test_a_page_that_does_not_open_a_run_has_none() -> None:
    line = Line()
    line.worker = browser.Worker(Source.builtin(), host(), line)
    line.say("Play")
    asyncio.run(line.worker.live())
    assert "first command must be Open" in line.events[0]["what"]
    assert line.reasons == ["no run could be opened"]


@pytest.mark.parametrize(
    ("error", "reason"),
    [(MemoryError(), browser.MEMORY_GONE), (ZeroDivisionError(), browser.FAULT)],
)
def test_a_run_that_fails_says_why(
    error: Exception, reason: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fail(_: Player) -> None:
        raise error

    monkeypatch.setattr(Player, "run_forever", fail)
    line = Line()
    line.worker = browser.Worker(Source.builtin(), host(), line)
    line.say("Open", run="", link=LINK, still=True)
    asyncio.run(line.worker.live())
    assert line.reasons == [reason]


def host() -> browser.BrowserHost:
    async def pause() -> None: ...

    async def sleep(_: float) -> bool:
        return False

    return browser.BrowserHost(pause, sleep, lambda: None)


def test_a_sleep_without_an_end_is_negative_for_the_browser() -> None:
    slept: list[float] = []

    async def pause() -> None: ...

    async def sleep(seconds: float) -> bool:
        slept.append(seconds)
        return True

    it = browser.BrowserHost(pause, sleep, lambda: None)
    assert asyncio.run(it.sleep(None))
    assert asyncio.run(it.sleep(0.5))
    assert slept == [-1, 0.5]


def test_a_run_has_the_name_that_the_page_gives_it() -> None:
    async def script(line: Line) -> None:
        await line.until(lambda event: event["kind"] == "Hello")

    assert living(script).events[0]["run"] == "a1"
