"""What a visit to the static site costs: first numbers, Python, pictures a second, commands.

    glassgpt site public && python bench/site.py public

Serves the folder on loopback and drives Chromium; nothing else should run on the machine.
"""

from __future__ import annotations

import shutil
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import click
from playwright.sync_api import Browser, Page, sync_playwright

BROWSERS = ("chromium-headless-shell", "chromium", "chromium-browser")
SECONDS = 4  # of each measurement of pictures
VISITS = 5
SLOW = 1.6e6 / 8  # bytes a second

# Notes when the page first has numbers and when Python answers, and every command and its answer.
WATCH = """
const seen = { first: null, python: null, asked: new Map(), waited: [] };
window.seen = seen;
const Kept = Worker;
window.Worker = class extends Kept {
  postMessage(message, ...more) {
    const id = typeof message === "string" && JSON.parse(message).id;
    if (id) seen.asked.set(id, performance.now());
    super.postMessage(message, ...more);
  }
  set onmessage(hear) {
    super.onmessage = (event) => {
      if (event.data instanceof ArrayBuffer) {
        const length = new DataView(event.data).getUint32(0, true);
        const text = new TextDecoder().decode(new Uint8Array(event.data, 4, length));
        const { kind, to } = JSON.parse(text);
        const asked = kind === "Done" && seen.asked.get(to);
        if (asked) seen.waited.push(performance.now() - asked);
      }
      hear(event);
    };
  }
};
const look = () => {
  const state = window.glass?.state();
  if (state?.frame) seen.first ??= performance.now();
  if (state?.frame && state.line === "open") seen.python ??= performance.now();
  if (!seen.python) requestAnimationFrame(look);
};
look();
"""
PICTURES = """(seconds) => new Promise((done) => {
  const before = window.glass.pictures();
  setTimeout(() => done((window.glass.pictures() - before) / seconds), 1000 * seconds);
})"""
ASK = """async (times) => {
  seen.waited.length = 0;
  for (let i = 0; i < times; i++) {
    window.glass.send({ kind: "Tokenize", text: "ab".repeat(i % 5) });
    await new Promise((done) => setTimeout(done, 20 + 17 * (i % 3)));
  }
  while (seen.waited.length < times) await new Promise((done) => setTimeout(done, 10));
  return seen.waited;
}"""


def visit(browser: Browser, address: str, *, slow: bool = False) -> tuple[Page, float, float]:
    """Open the page in a new profile; return the seconds to the first numbers and to Python."""
    page = browser.new_context(viewport={"width": 1280, "height": 900}).new_page()
    page.add_init_script(WATCH)
    if slow:
        network = page.context.new_cdp_session(page)
        network.send(
            "Network.emulateNetworkConditions",
            {
                "offline": False,
                "latency": 150,
                "downloadThroughput": SLOW,
                "uploadThroughput": SLOW,
            },
        )
    page.goto(address)
    return page, *arrived(page)


def arrived(page: Page) -> tuple[float, float]:
    """Wait for Python; return the seconds to the first numbers and to Python."""
    page.wait_for_function("() => seen.python", timeout=180_000)
    first, python = page.evaluate("() => [seen.first, seen.python]")
    return first / 1000, python / 1000


def waited(page: Page) -> str:
    """Return how long commands wait for their answer, in ms: the median, and 95 of 100."""
    times = sorted(page.evaluate(ASK, 100))
    return f"{statistics.median(times):.1f} ms, 95 %: {times[94]:.1f} ms"


def measure(browser: Browser, address: str) -> None:
    """Measure everything and print it."""
    visits = []
    for _ in range(VISITS - 1):
        other, *times = visit(browser, address)
        visits.append(times)
        other.context.close()  # it would go on training
    page, *times = visit(browser, address)
    for name, those in zip(("first numbers", "Python"), zip(*visits, times), strict=True):
        print(
            f"first visit, {name}: median {statistics.median(those):.2f} s, most {max(those):.2f}"
        )
    page.evaluate("async () => void (await navigator.serviceWorker.ready)")
    time.sleep(2)  # until the files are kept
    page.reload()
    first, python = arrived(page)
    print(f"second visit: first numbers {first:.2f} s, Python {python:.2f} s")
    for name, link in (("100 steps/s", "num_steps=100000"), ("full speed", "num_steps=1000000")):
        playing(page, address, link, fast=name == "full speed")
        pictures = page.evaluate(PICTURES, SECONDS)
        print(f"{name}: {pictures:.0f} pictures a second; command {waited(page)}")
    print(
        f"full speed: {page.evaluate('() => window.glass.state().frame.speed'):,.0f} steps a second"
    )
    playing(page, address, "engine=scalar", fast=True)
    time.sleep(3)
    speed = page.evaluate("() => window.glass.state().frame.speed")
    print(f"scalar engine: {speed:.1f} steps a second; command {waited(page)}")
    page.context.close()
    page, first, python = visit(browser, address, slow=True)
    print(f"1.6 Mbit/s, 150 ms: first numbers {first:.1f} s, Python {python:.1f} s")


def playing(page: Page, address: str, link: str, *, fast: bool) -> None:
    """Open a run, and let it train."""
    page.goto("about:blank")
    page.goto(f"{address}#{link}")
    arrived(page)
    if fast:
        page.evaluate("() => window.glass.send({ kind: 'Pace', steps_per_second: 0 })")
    page.wait_for_function("() => window.glass.state().frame.step > 20", timeout=60_000)
    time.sleep(1)


@click.command()
@click.argument("site", type=click.Path(path_type=Path, exists=True))
@click.option("--port", default=8765, show_default=True)
def main(site: Path, port: int) -> None:
    """Measure the static site in the folder SITE."""
    program = next((path for name in BROWSERS if (path := shutil.which(name))), None)
    command = [sys.executable, "-m", "http.server", str(port), "--bind", "127.0.0.1"]
    host: Any = subprocess.Popen([*command, "--directory", str(site)], stderr=subprocess.DEVNULL)
    try:
        time.sleep(1)
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=program)
            measure(browser, f"http://127.0.0.1:{port}/")
    finally:
        host.terminate()


if __name__ == "__main__":
    main()
