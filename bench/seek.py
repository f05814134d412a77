"""How long it takes to go anywhere in a run: Chromium, the real server, story and a weight open.

    python bench/seek.py [--steps 1000] [--times 200] [--rest 0.15] [--link TEXT]

The run is taken to its end; then the page goes to steps at random, and rests at each. A line is
what was waited for, in milliseconds from the command to the picture:

    picture      the frame of that step is painted
    every array  and all that the page shows at rest has come

Needs Chromium (apt-get install chromium) and the built page.
"""

from __future__ import annotations

import argparse
import random
import shutil
import statistics

from frame import serving

GO = """([step, size]) => new Promise((done) => {
  const began = performance.now();
  let first = 0;
  const stop = window.glass.paint(({ frame, arrays }) => {
    if (frame.step !== step || frame.busy) return;
    const now = performance.now() - began;
    first ||= now;
    if (arrays.size < size) return;
    stop();
    done([first, now]);
  });
  window.glass.send({ kind: "Seek", step });
})"""


def row(title: str, times: list[float]) -> str:
    """Return a line of the table."""
    slow = sorted(times)[int(0.95 * len(times))]
    return f"{title:<14}{statistics.median(times):8.1f}{slow:8.1f}{max(times):8.1f}"


def main() -> None:
    """Measure, and print the table."""
    from playwright.sync_api import sync_playwright

    parser = argparse.ArgumentParser()
    parser.add_argument("--steps", type=int, default=1000)
    parser.add_argument("--times", type=int, default=200)
    parser.add_argument("--rest", type=float, default=0.15, help="seconds between two of them")
    parser.add_argument("--link", default="story=3&at=wte[1,2]", help="what else is open")
    options = parser.parse_args()
    rng = random.Random(1)
    with serving() as (address, _), sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"))
        page = browser.new_page(viewport={"width": 1440, "height": 1800})
        page.goto(f"{address}#num_steps={options.steps}&step={options.steps}&{options.link}")
        page.wait_for_function(f"() => window.glass?.state().frame?.step === {options.steps}")
        page.wait_for_timeout(3000)
        size = page.evaluate("() => window.glass.state().arrays.size")
        steps = [rng.randint(1, options.steps) for _ in range(options.times)]
        waited = []
        for step in steps:
            waited.append(page.evaluate(GO, [step, size]))
            page.wait_for_timeout(1000 * options.rest)
        browser.close()
    print(f"{'':<14}{'median':>8}{'p95':>8}{'most':>8}")
    for title, times in zip(("picture", "every array"), zip(*waited, strict=True), strict=True):
        print(row(title, list(times)))


if __name__ == "__main__":
    main()
