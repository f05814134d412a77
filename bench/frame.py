"""What a picture costs, and what a slow page gets: Chromium and the real server, in one table.

    python bench/frame.py [--seconds 6] [--show grad] [--window 1440x1800] [--only TEXT]

The default model trains. In the usual window the machine and all weights are in sight; a smaller
one, as of a laptop, is scrolled to where all weights are. A line is a situation: a quick page at
100 steps a second and at most, then two slow ones at most: a browser whose CPU is throttled six
times, and a client that draws nothing and acknowledges each event half a second late. Columns:

    pictures/s   what the page painted (what a late client was sent)
    median, p95  milliseconds from one picture to the next
    steps/s      what the run trained meanwhile
    server       CPU of the server and the process of the run, in shares of a core
    MB/s         bytes of events
    pause        milliseconds from the pause to the picture that stands: if old pictures queued
                 up before a slow page, it would be long. Latest frame wins, so it is one or two
    memory       how much their memory grew, in MB: it must stay flat, beside 16 bytes a step

Needs Chromium (apt-get install chromium), the built page, and Linux for CPU and memory.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import statistics
import struct
import subprocess
import sys
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

LINK = "seed=42&num_steps=1000000"
LATE = 0.5  # seconds in which the late client has drawn
PAUSE = """() => new Promise((done) => {
  const began = performance.now();
  const stop = window.glass.paint(({ frame }) => {
    if (!frame.playing) { stop(); done(performance.now() - began); }
  });
  document.querySelector("button[aria-label=Pause]").click();
})"""
COUNT = """window.received = 0;
window.WebSocket = class extends WebSocket {
  constructor(url) {
    super(url);
    this.addEventListener("message", ({ data }) => { window.received += data.byteLength; });
  }
};"""  # the browser's own protocol would carry each byte a second time, and cost pictures
MEASURE = """(seconds) => new Promise((done) => {
  const times = [], steps = [], end = performance.now() + seconds * 1000;
  let then = 0;
  const stop = window.glass.paint(({ frame }) => {
    const now = performance.now();
    if (then) times.push(now - then);
    then = now;
    steps.push(frame.step);
    if (now > end) { stop(); done([times, steps]); }
  });
})"""


@dataclass(frozen=True, slots=True)
class Line:
    """What was measured in one situation."""

    title: str
    times: list[float]  # ms between pictures
    took: float  # s
    steps: int
    cpu: float  # s
    octets: int
    pause: float  # ms
    memory: float  # bytes

    def text(self) -> str:
        """Return the line of the table."""
        slow = sorted(self.times)[int(0.95 * len(self.times))] if self.times else float("nan")
        middle = statistics.median(self.times) if self.times else float("nan")
        return (
            f"{self.title:<28}{len(self.times) / self.took:10.1f}{middle:8.1f}{slow:8.1f}"
            f"{self.steps / self.took:10,.0f}{self.cpu / self.took:9.0%}"
            f"{self.octets / self.took / 1e6:8.2f}{self.pause:8,.0f}{self.memory / 1e6:+9.1f}"
        )


HEAD = (
    f"{'':<28}{'pictures/s':>10}{'median':>8}{'p95':>8}{'steps/s':>10}{'server':>9}{'MB/s':>8}"
    f"{'pause':>8}{'memory':>9}"
)


def family(process: int) -> Iterator[Path]:
    """Yield the folders of a process and of all that it started."""
    yield (folder := Path(f"/proc/{process}"))
    for task in (folder / "task").iterdir():
        for child in (task / "children").read_text().split():
            yield from family(int(child))


def cpu_seconds(process: int) -> float:
    """Return the CPU time that a process and all that it started have used."""
    stats = [(one / "stat").read_text().rpartition(") ")[2].split() for one in family(process)]
    return sum(int(one[11]) + int(one[12]) for one in stats) / os.sysconf("SC_CLK_TCK")


def memory_of(process: int) -> float:
    """Return the bytes that they hold; what they share counts once (proportional set size)."""
    lines = [line for one in family(process) for line in (one / "smaps_rollup").open()]
    return 1024.0 * sum(int(line.split()[1]) for line in lines if line.startswith("Pss:"))


def watch(page: Any, server: int, seconds: float, title: str) -> Line:
    """Measure a page for so long."""
    received = page.evaluate("() => window.received")
    cpu, memory, began = cpu_seconds(server), memory_of(server), time.perf_counter()
    times, seen = page.evaluate(MEASURE, seconds)
    took = time.perf_counter() - began
    received = page.evaluate("() => window.received") - received
    grown, used = memory_of(server) - memory, cpu_seconds(server) - cpu
    pause = page.evaluate(PAUSE)
    return Line(title, times, took, seen[-1] - seen[0], used, received, pause, grown)


def dawdle(socket: str, server: int, seconds: float, title: str, show: str) -> Line:
    """Measure a client that acknowledges late and draws nothing."""
    from websockets.sync.client import connect

    with connect(socket, max_size=None, compression=None) as line:
        due: deque[tuple[float, int]] = deque()  # when to acknowledge what

        def say(**command: Any) -> None:
            line.send(json.dumps(command))

        def hear(kind: str) -> tuple[dict[str, Any], int]:
            """Wait for an event; acknowledge each of them late."""
            while True:
                try:
                    left = max(0.0, due[0][0] - time.perf_counter()) if due else 10.0
                    message = line.recv(timeout=left)
                except TimeoutError:
                    say(kind="Ack", seq=due.popleft()[1])
                    continue
                if isinstance(message, str):
                    continue  # a sign of life
                (length,) = struct.unpack_from("<I", message)
                event: dict[str, Any] = json.loads(message[4 : 4 + length])
                if "seq" in event:
                    due.append((time.perf_counter() + LATE, event["seq"]))
                if event["kind"] == kind:
                    return event, len(message)

        say(kind="Open", link=LINK)
        hello, _ = hear("Hello")
        names = [one["name"] for one in (*hello["sites"], *hello["params"])]
        say(kind="Watch", arrays=[f"{kind}:{n}" for kind in {"value", show} for n in names])
        say(kind="Pace", steps_per_second=0)
        hear("Frame")
        first, _ = hear("Frame")
        cpu, memory, began = cpu_seconds(server), memory_of(server), time.perf_counter()
        times: list[float] = []
        octets, then, last = 0, began, first
        while time.perf_counter() < began + seconds:
            last, size = hear("Frame")
            now = time.perf_counter()
            times.append(1000 * (now - then))
            octets, then = octets + size, now
        took = time.perf_counter() - began
        grown, used = memory_of(server) - memory, cpu_seconds(server) - cpu
        say(kind="Pause")
        while hear("Frame")[0]["playing"]:
            pass
        pause = 1000 * (time.perf_counter() - began - took)
    return Line(title, times, took, last["step"] - first["step"], used, octets, pause, grown)


@contextmanager
def serving() -> Iterator[tuple[str, int]]:
    """Start a server on a free port; give its address and process."""
    server = subprocess.Popen(
        [sys.executable, "-u", "-m", "glassgpt", "--no-open"], stdout=subprocess.PIPE, text=True
    )
    assert server.stdout is not None
    found = re.search(r"http://\S+", server.stdout.readline())
    assert found, "the server did not start"
    try:
        yield found[0], server.pid
    finally:
        server.terminate()
        server.wait()


def main() -> None:
    """Measure every situation with a server and a browser of its own, and print the table."""
    from playwright.sync_api import sync_playwright

    parser = argparse.ArgumentParser()
    parser.add_argument("--seconds", type=float, default=6)
    parser.add_argument("--show", choices=("value", "grad", "delta"), default="grad")
    parser.add_argument("--only", default="", help="situations whose title has this in it")
    parser.add_argument("--window", default="1440x1800", help="its width and height in pixels")
    options = parser.parse_args()
    width, height = map(int, options.window.split("x"))

    def opened(pace: str, throttled: float, title: str) -> Line:
        with serving() as (address, pid), sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=shutil.which("chromium"))
            page = browser.new_page(viewport={"width": width, "height": height})
            page.add_init_script(COUNT)
            began = time.perf_counter()
            page.goto(f"{address}#{LINK}&show={options.show}")
            page.wait_for_function("() => window.glass?.state().frame")
            print(f"first picture after {time.perf_counter() - began:.2f} s", file=sys.stderr)
            page.locator("#weights").scroll_into_view_if_needed()
            page.get_by_role("radio", name=pace, exact=True).check()
            cdp = page.context.new_cdp_session(page)
            cdp.send("Emulation.setCPUThrottlingRate", {"rate": throttled})
            page.wait_for_timeout(1500)
            line = watch(page, pid, options.seconds, title)
            browser.close()
        return line

    def late(title: str) -> Line:
        with serving() as (address, pid):
            socket = address.replace("http", "ws").rstrip("/") + "/ws"
            return dawdle(socket, pid, options.seconds, title, options.show)

    situations: dict[str, Callable[[str], Line]] = {
        "100 steps a second": lambda title: opened("100", 1, title),
        "as fast as it can": lambda title: opened("max", 1, title),
        "and a browser 6 times slower": lambda title: opened("max", 6, title),
        "and a client 0.5 s late": late,
    }
    print(HEAD)
    for title, measure in situations.items():
        if options.only in title:
            print(measure(title).text(), flush=True)


if __name__ == "__main__":
    main()
