"""What a picture costs: pictures a second, time of one, server CPU and bytes a second, in Chromium.

    python bench/frame.py [--seconds 6] [--show grad]

Needs Chromium (apt-get install chromium) and the built page. All weights are watched, and with
`--show grad` their gradients as well, while the run trains at 100 steps a second and then at most.
"""

from __future__ import annotations

import argparse
import re
import shutil
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

MEASURE = """(seconds) => new Promise((done) => {
  const times = [], end = performance.now() + seconds * 1000;
  let then = 0;
  const stop = window.glass.paint(() => {
    const now = performance.now();
    if (then) times.push(now - then);
    then = now;
    if (now > end) { stop(); done(times); }
  });
})"""


def cpu_seconds(process: int) -> float:
    """Return the CPU time a process has used."""
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(") ")[2].split()
    return (int(fields[11]) + int(fields[12])) / 100


def measure(page: Any, server: int, seconds: float, title: str) -> None:
    """Watch for so long and print a line."""
    received = [0]
    session = page.context.new_cdp_session(page)
    session.send("Network.enable")
    session.on(
        "Network.webSocketFrameReceived",
        lambda event: received.__setitem__(
            0, received[0] + len(event["response"]["payloadData"]) * 3 // 4
        ),
    )
    steps, cpu, began = position(page), cpu_seconds(server), time.perf_counter()
    times = page.evaluate(MEASURE, seconds)
    took = time.perf_counter() - began
    session.detach()
    slow = sorted(times)[int(0.95 * len(times))]
    print(
        f"{title:<24} {len(times) / took:6.1f} pictures/s  "
        f"median {statistics.median(times):5.1f} ms  "
        f"95 % {slow:5.1f} ms  {(position(page) - steps) / took:9,.0f} steps/s  "
        f"server {(cpu_seconds(server) - cpu) / took:5.0%} of a core  "
        f"{received[0] / took / 1e6:5.2f} MB/s"
    )


def position(page: Any) -> int:
    """Return where the run stands."""
    return int(page.evaluate("() => window.glass.state().frame.step"))


def main() -> None:
    """Start the server, open the page, measure."""
    from playwright.sync_api import sync_playwright

    parser = argparse.ArgumentParser()
    parser.add_argument("--seconds", type=float, default=6)
    parser.add_argument("--show", choices=("value", "grad", "delta"), default="grad")
    options = parser.parse_args()
    server = subprocess.Popen(
        [sys.executable, "-u", "-m", "glassgpt", "--no-open"], stdout=subprocess.PIPE, text=True
    )
    assert server.stdout is not None
    found = re.search(r"http://\S+", server.stdout.readline())
    assert found, "the server did not start"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"))
        page = browser.new_page(viewport={"width": 1440, "height": 1800})
        began = time.perf_counter()
        page.goto(f"{found[0]}#seed=42&num_steps=1000000&show={options.show}")
        page.wait_for_function("() => window.glass?.state().frame")
        print(f"first picture after {time.perf_counter() - began:.2f} s")
        page.wait_for_timeout(1000)
        measure(page, server.pid, options.seconds, "100 steps a second")
        page.get_by_role("radio", name="max").check()
        page.wait_for_timeout(1000)
        measure(page, server.pid, options.seconds, "as fast as it can")
        browser.close()
    server.terminate()
    server.wait()


if __name__ == "__main__":
    main()
