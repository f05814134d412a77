"""Own text that is not names: the page keeps its shape, whatever is learned."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from glassgpt import Config
from glassgpt.live.new_run import Source
from glassgpt.live.presenters.answers import documents
from glassgpt.live.workspace import Workspace
from tests.e2e.conftest import SMALL, opening
from tests.support.serving import serving

LINES = ["x" * 300, "some prose of a few words, " * 40, "שלום עולם", "ab", "long line " * 8000]


def test_a_picture_names_of_a_document_what_the_model_sees() -> None:
    long = "ab" * 50_000
    workspace = Workspace(Source("own text", (long,)), Config(block_size=8))
    text, tokens = workspace.passed()
    assert text == long[:8]
    assert tokens == workspace.session.tokens(long)
    workspace.watch([], long)
    assert workspace.passed() == (text, tokens)
    assert documents(workspace, 0, 5).documents == [long[:8]]


@pytest.mark.parametrize("width", [320, 1280])
def test_a_document_of_any_length_keeps_the_heading_on_its_line(
    browser: Any, tmp_path: Path, width: int
) -> None:
    data = tmp_path / f"{'a long name of a file ' * 5}.txt"
    data.write_text("\n".join(LINES), encoding="utf-8")
    viewport = {"width": width, "height": 900}
    with serving(data=data) as server, opening(server, browser) as open_tab:
        it = open_tab(f"{SMALL}&step=0", viewport=viewport)
        heights = set()
        for step in range(len(LINES)):
            it.stands_at(step)
            heights.add(it.page.locator("#machine").bounding_box()["height"])
            assert len(it.shown("document")) <= 8
            it.page.keyboard.press("ArrowRight")
        assert len(heights) == 1
        page = it.page.evaluate("() => [document.documentElement.scrollWidth, innerWidth]")
        assert page[0] <= page[1]
        assert it.page.evaluate("() => document.documentElement.scrollHeight") < 20_000
        assert not it.faults
