"""The page in a cell of a real JupyterLab; skipped where JupyterLab is not installed."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import pytest

from tests.e2e.conftest import CHROMIUM

pytest.importorskip("anywidget")
pytest.importorskip("jupyterlab")
CELLS = [
    "import glassgpt\nfrom glassgpt.notebook import GlassGPT\n"
    "run = glassgpt.train(steps=40)\npage = GlassGPT(run, height=700)\npage",
    "page.step = 25",
    "page.selected = 'value:wpe[2,3]'",
    "print('now', page.step, page.selected, page.run.step, page.run.losses == run.losses[:25])",
]


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("notebooks")
    cells: list[dict[str, Any]] = [
        {"cell_type": "code", "metadata": {}, "outputs": [], "execution_count": None,
         "id": f"cell{i}", "source": source}
        for i, source in enumerate(CELLS)
    ]  # fmt: skip
    kernel = {"name": "python3", "display_name": "Python 3 (ipykernel)"}
    notebook = {"cells": cells, "metadata": {"kernelspec": kernel},
                "nbformat": 4, "nbformat_minor": 5}  # fmt: skip
    (folder / "glass.ipynb").write_text(json.dumps(notebook))
    port = 8941
    process = subprocess.Popen(
        [sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root", f"--port={port}",
         "--IdentityProvider.token=", f"--notebook-dir={folder}",
         "--LabApp.news_url=None"],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        env={**os.environ, "JUPYTER_CONFIG_DIR": str(folder / "config"),
             "PYTHONPATH": str(Path(__file__).parents[2] / "src")},
    )  # fmt: skip
    address = f"http://127.0.0.1:{port}"
    for _ in range(300):
        try:
            urlopen(f"{address}/api", timeout=1).close()
            break
        except OSError:
            time.sleep(0.1)
    yield address
    process.send_signal(signal.SIGTERM)
    process.wait(20)


def test_a_run_lives_in_a_cell_and_follows_python(lab: str) -> None:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM)
        page = browser.new_page(viewport={"width": 1280, "height": 1000})
        faults: list[str] = []
        page.on("pageerror", lambda error: faults.append(str(error)))
        page.goto(f"{lab}/lab/tree/glass.ipynb")
        page.locator(".jp-CodeCell").first.wait_for(timeout=60_000)
        page.get_by_text("Python 3 (ipykernel) | Idle").wait_for(timeout=60_000)
        run_cell(page, 0)
        frame = frame_of(page)
        frame.wait_for_function("() => window.glass?.state().frame?.step === 40", timeout=30_000)
        frame.get_by_role("button", name="One step back").click()
        frame.wait_for_function("() => window.glass.state().frame.step === 39")
        run_cell(page, 1)
        frame.wait_for_function("() => window.glass.state().frame.step === 25")
        run_cell(page, 2)
        frame.wait_for_function(
            "() => window.glass.state().explained?.event.address.includes('wpe')"
        )
        run_cell(page, 3)
        page.get_by_text("now 25 value:wpe[2,3] 25 True").wait_for()
        browser.close()
    assert faults == []


def frame_of(page: Any) -> Any:
    page.locator("iframe[title=GlassGPT]").wait_for(timeout=30_000)
    handle = page.locator("iframe[title=GlassGPT]").element_handle()
    return handle.content_frame()


def run_cell(page: Any, number: int) -> None:
    page.locator(".jp-CodeCell .jp-InputArea-editor").nth(number).click()
    page.keyboard.press("Control+Enter")
