"""Make docs/pictures/page.png, the picture in README: the page after a thousand steps.

python tools/picture_page.py        needs Chromium and the built page
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

TARGET = Path(__file__).parents[1] / "docs" / "pictures" / "page.png"
LINK = "seed=42&step=1000&at=layer0.attn.q[3,7]"


def main() -> None:
    """Start the server, train, and take the picture."""
    from playwright.sync_api import sync_playwright

    server = subprocess.Popen(
        [sys.executable, "-u", "-m", "glassgpt", "--no-open"], stdout=subprocess.PIPE, text=True
    )
    assert server.stdout is not None
    found = re.search(r"http://\S+", server.stdout.readline())
    assert found, "the server did not start"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"))
        page = browser.new_page(viewport={"width": 1440, "height": 1180})
        page.add_init_script("localStorage.setItem('glassgpt.guide', 'read')")
        page.goto(f"{found[0]}#{LINK}")
        page.wait_for_function(
            "() => window.glass?.state().samples?.step === 1000", timeout=180_000
        )
        page.wait_for_timeout(1500)
        page.screenshot(path=TARGET)
        browser.close()
    server.terminate()
    server.wait()


if __name__ == "__main__":
    main()
