"""Make docs/pictures/page.png, the picture in README: the page after a thousand steps.

python -m tools.picture_page        needs Chromium and the built page
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

PICTURES = Path(__file__).parents[1] / "docs" / "pictures"
BROWSERS = "chromium-headless-shell", "chromium"
LINK = "seed=42&step=1000&at=layer0.attn.q[3,7]"

Opener = Callable[[str, int, int], Any]


@contextmanager
def glass() -> Iterator[Opener]:
    """Start the server; what is yielded opens a link in a tab of that width and height."""
    from playwright.sync_api import sync_playwright

    server = subprocess.Popen(
        [sys.executable, "-u", "-m", "glassgpt", "--no-open"], stdout=subprocess.PIPE, text=True
    )
    try:
        assert server.stdout is not None
        found = re.search(r"http://\S+", server.stdout.readline())
        assert found, "the server did not start"
        with sync_playwright() as playwright:
            found_browser = next(filter(None, map(shutil.which, BROWSERS)), None)
            browser = playwright.chromium.launch(executable_path=found_browser)

            def open_link(link: str, width: int, height: int) -> Any:
                page = browser.new_page(viewport={"width": width, "height": height})
                page.add_init_script("localStorage.setItem('glassgpt.guide', 'read')")
                page.goto(f"{found[0]}#{link}")
                return page

            yield open_link
            browser.close()
    finally:
        server.terminate()
        server.wait()


def until(page: Any, condition: str) -> None:
    """Wait until a condition on the page's state `s` holds, and what follows from it is drawn."""
    page.wait_for_function(
        f"() => {{ const s = window.glass?.state(); return s?.frame && ({condition}); }}",
        timeout=180_000,
    )
    page.wait_for_timeout(1500)


def stands_at(page: Any, step: int) -> None:
    """Wait until the run stands at a step and has written there."""
    until(page, f"s.frame.step === {step} && !s.frame.busy && s.samples?.step === {step}")


def main() -> None:
    """Train, and take the picture."""
    with glass() as opened:
        page = opened(LINK, 1440, 1060)
        stands_at(page, 1000)
        page.screenshot(path=PICTURES / "page.png")


if __name__ == "__main__":
    main()
