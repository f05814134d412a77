"""How a server holds up under a class: tabs that all play, or one good tab beside a large message.

    python bench/classroom.py [--tabs 1 8 30 64] [--seconds 10] [--beside]

Real servers and real websocket clients, which acknowledge every event at once, as a page that draws
quickly. All clients live in one process, so that process takes its share of the cores too.
A line of the first table is a number of tabs that play at 100 steps a second:

    steps/s, least   steps a second of a tab: the mean of all, and of the slowest
    frames/s, least  and frames
    median, p95      milliseconds from a command (tokenize) to its answer
    memory           of the server and its workers, in MB (proportional set size); Linux alone

With `--beside` one tab plays while another sends one message that is allowed and large:

    frames/s, gap    frames a second of the good tab, and the longest time without one, in ms
    memory           the most that server and workers took
    Ctrl-C           seconds in which the server then ends, while the message is being worked on
    answer           what the tab that sent it was told
"""

from __future__ import annotations

import argparse
import asyncio
import json
import signal
import statistics
import struct
import subprocess
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from frame import memory_of, serving

LINK = "num_steps=1000000"


@dataclass
class Tab:
    """A client, and what it has seen."""

    line: ClientConnection
    steps: list[int] = field(default_factory=list)
    times: list[float] = field(default_factory=list)
    answers: list[float] = field(default_factory=list)
    asked: float = 0.0
    answered: asyncio.Event = field(default_factory=asyncio.Event)
    told: str = ""

    async def say(self, command: dict[str, Any], file: bytes = b"") -> None:
        """Send a command, with the file that it brings along."""
        text = json.dumps(command)
        await self.line.send(struct.pack("<I", len(text)) + text.encode() + file if file else text)

    async def watch(self) -> None:
        """Read until the line is closed, and acknowledge."""
        with suppress(ConnectionClosed):
            async for message in self.line:
                if isinstance(message, bytes):
                    await self._hear(message)
        self.told = self.line.close_reason or self.told

    async def _hear(self, message: bytes) -> None:
        (length,) = struct.unpack_from("<I", message)
        event = json.loads(message[4 : 4 + length])
        if "seq" in event:
            await self.say({"kind": "Ack", "seq": event["seq"]})
        match event["kind"]:
            case "Frame":
                self.steps.append(event["step"])
                self.times.append(time.perf_counter())
            case "Tokens":
                self.answers.append(time.perf_counter() - self.asked)
                self.answered.set()
            case "Refused":
                self.told = event["what"]
            case "Hello" as kind:
                self.told = kind

    async def ask(self, first: float) -> None:
        """Ask something small in `first` seconds, and again after each answer."""
        await asyncio.sleep(first)
        while True:
            self.asked = time.perf_counter()
            self.answered.clear()
            await self.say({"kind": "Tokenize", "text": "emma"})
            await self.answered.wait()
            await asyncio.sleep(0.5)


async def opened(address: str, link: str = LINK) -> tuple[Tab, asyncio.Task[None]]:
    """Open a tab that plays."""
    url = address.replace("http", "ws") + "ws"
    tab = Tab(await connect(url, max_size=None, compression=None, open_timeout=60))
    await tab.say({"kind": "Open", "link": link})
    task = asyncio.create_task(tab.watch())
    while not tab.times:
        await asyncio.sleep(0.01)
    return tab, task


async def whole_class(address: str, process: int, tabs: int, seconds: float) -> str:
    """Measure so many tabs that play."""
    opened_tabs = await asyncio.gather(*(opened(address) for _ in range(tabs)))
    asking = [  # not all at once, as people do not click at once
        asyncio.create_task(tab.ask(0.5 * i / tabs)) for i, (tab, _) in enumerate(opened_tabs)
    ]
    await asyncio.sleep(3)
    for tab, _ in opened_tabs:
        tab.steps, tab.times, tab.answers = tab.steps[-1:], [], []
    await asyncio.sleep(seconds)
    steps = [(tab.steps[-1] - tab.steps[0]) / seconds for tab, _ in opened_tabs]
    frames = [len(tab.times) / seconds for tab, _ in opened_tabs]
    answers = sorted(1000 * answer for tab, _ in opened_tabs for answer in tab.answers)
    held = memory_of(process) / 1e6
    for task in asking:
        task.cancel()
    for tab, _ in opened_tabs:
        await tab.line.close()
    return (
        f"{tabs:>24}{statistics.mean(steps):9.1f}{min(steps):8.1f}{statistics.mean(frames):10.1f}"
        f"{min(frames):8.1f}{statistics.median(answers):9.1f}"
        f"{answers[int(0.95 * len(answers))]:8.1f}{held:9.0f}"
    )


Sending = Callable[[Tab], Any]


def sends(settings: dict[str, Any], text: str = "", engine: str = "", cut: str = "") -> Sending:
    """Return what begins a run of these settings, on a text that comes along."""
    command = {"kind": "Start", "config": settings, "engine": engine, "play": True, "cut": cut}
    command |= {"data": "sent", "data_name": "x.txt"} if text else {"data": "builtin"}
    return lambda tab: tab.say(command, text.encode())


def watches(tab: Tab) -> Any:
    """Watch an array two thousand times."""
    return tab.say({"kind": "Watch", "arrays": ["value:wte", "grad:wte"] * 1000})


SIZE = 8 * 2**20 - 1000
SITUATIONS: dict[str, Sending] = {
    "1,024 positions": sends({"block_size": 1024, "n_layer": 3, "n_head": 4}),
    "the largest model": sends({"n_embd": 256, "n_layer": 2, "n_head": 4}),
    "the largest scalar model": sends(
        {"n_embd": 32, "n_layer": 2, "n_head": 4, "block_size": 16}, engine="scalar"
    ),
    "two letters a line": sends({}, "ab\n" * (SIZE // 3)),
    "names": sends({}, "\n".join(f"name{'abcdefghij'[i % 10]}{i}" for i in range(SIZE // 13))),
    "prose cut into words": sends({}, "the cat sat on the mat " * (SIZE // 23), cut="words"),
    "full stops cut": sends({}, "." * SIZE, cut="sentences"),
    "2,000 arrays watched": watches,
}


async def beside(address: str, server: int, title: str, seconds: float) -> str:
    """Measure a good tab beside a message, then how the server ends."""
    good, _ = await opened(address)
    other, _ = await opened(address)
    await asyncio.sleep(1)
    good.times = [time.perf_counter()]
    other.told, most = "nothing", 0.0
    await SITUATIONS[title](other)
    for _ in range(int(seconds)):
        await asyncio.sleep(1)
        most = max(most, memory_of(server) / 1e6)
    gaps = [b - a for a, b in zip(good.times, [*good.times[1:], time.perf_counter()], strict=True)]
    return (
        f"{title:<24}{len(good.times) / seconds:9.1f}{1000 * max(gaps):8.0f}{most:10.0f}"
        f"{{ended:8.2f}}  {other.told[:70]}"
    )


def ended(process: int) -> float:
    """Interrupt the server; return the seconds in which it ends."""
    began = time.perf_counter()
    subprocess.run(["kill", f"-{int(signal.SIGINT)}", str(process)], check=True)
    while Path(f"/proc/{process}/stat").read_text().rpartition(") ")[2][0] != "Z":
        if time.perf_counter() - began > 30:
            break
        time.sleep(0.005)
    return time.perf_counter() - began


def main() -> None:
    """Measure, and print a table."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--tabs", type=int, nargs="*", default=[1, 8, 30, 64])
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--beside", action="store_true")
    parser.add_argument("--only", default="", help="messages whose title has this in it")
    options = parser.parse_args()
    if options.beside:
        print(f"{'':<24}{'frames/s':>9}{'gap':>8}{'memory':>10}{'Ctrl-C':>8}  answer")
        for title in SITUATIONS:
            if options.only in title:
                with serving() as (address, process):
                    row = asyncio.run(beside(address, process, title, options.seconds))
                    print(row.format(ended=ended(process)), flush=True)
        return
    print(
        f"{'tabs':>24}{'steps/s':>9}{'least':>8}{'frames/s':>10}{'least':>8}{'median':>9}"
        f"{'p95':>8}{'memory':>9}"
    )
    for tabs in options.tabs:
        with serving() as (address, process):
            row = asyncio.run(whole_class(address, process, tabs, options.seconds))
            print(row, flush=True)


if __name__ == "__main__":
    main()
