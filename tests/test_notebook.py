"""The widget of a notebook, without a browser: the messages that its page would send."""

from __future__ import annotations

import asyncio
import json
import re
import struct
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

import glassgpt
from glassgpt.errors import ConfigError
from glassgpt.server.app import STATIC
from tests.conftest import need

pytest.importorskip("anywidget")
notebook = pytest.importorskip("glassgpt.notebook")


class Cell:
    """What the widget sends, and what the page in it says."""

    def __init__(self, widget: Any) -> None:
        self.widget = widget
        self.sent: list[tuple[dict[str, Any], Any]] = []
        widget.send = lambda message, buffers=None: self._hear(message, buffers)

    def _hear(self, message: dict[str, Any], buffers: Any) -> None:
        event = None
        if buffers:
            (length,) = struct.unpack_from("<I", buffers[0])
            event = json.loads(buffers[0][4 : 4 + length])
        self.sent.append((message, event))
        if event and "seq" in event:
            self.say("Ack", seq=event["seq"])

    def open(self) -> None:
        need("" if (STATIC / "index.html").exists() else "the page is not built")
        self.widget._hear(None, {"view": "a", "opened": True}, [])
        page = self.sent[-1][0]["page"]
        found = re.search(r'name="glassgpt-notebook" content="([^"]*)"', page)
        assert found
        self.say("Open", run="", link=found[1].replace("&amp;", "&"), still=True)

    def say(self, kind: str, **fields: Any) -> None:
        said = json.dumps({"kind": kind, **fields})
        self.widget._hear(None, {"view": "a", "said": said}, [])

    async def frame_at(self, step: int) -> None:
        async with asyncio.timeout(10):
            while not any(e and e["kind"] == "Frame" and e["step"] == step for _, e in self.sent):
                await asyncio.sleep(0.005)


def shown(run: glassgpt.Run, script: Callable[[Cell], Awaitable[None]]) -> Cell:
    async def life() -> Cell:
        cell = Cell(notebook.GlassGPT(run))
        cell.open()
        await script(cell)
        cell.widget.show(run)  # which ends what was shown before
        await asyncio.sleep(0)
        return cell

    return asyncio.run(life())


def test_it_opens_the_run_at_its_step_and_follows_the_page() -> None:
    run = glassgpt.train(steps=30).fork(12)

    async def script(cell: Cell) -> None:
        await cell.frame_at(12)
        assert cell.widget.step == 12
        cell.say("Seek", step=20)
        await cell.frame_at(20)
        assert cell.widget.step == 20
        assert cell.widget.run.losses == run.fork().train(8).losses

    shown(run, script)


def test_setting_the_step_moves_the_page_and_setting_a_selection_tells_it() -> None:
    async def script(cell: Cell) -> None:
        await cell.frame_at(30)
        cell.widget.step = 5
        await cell.frame_at(5)
        cell.widget.selected = "value:wte[0,1]"
        assert cell.sent[-1][0] == {"view": "a", "select": "value:wte[0,1]"}

    shown(glassgpt.train(steps=30), script)


def test_what_is_changed_on_the_page_is_in_its_run_and_another_run_can_be_shown() -> None:
    run = glassgpt.train(steps=30)

    async def script(cell: Cell) -> None:
        await cell.frame_at(30)
        cell.say("Seek", step=10)
        await cell.frame_at(10)
        cell.say("Ablate", part="head", layer=0, number=2, hold=True)
        cell.say("Seek", step=20)
        await cell.frame_at(20)
        changed = cell.widget.run
        assert [one.change.words() for one in changed.recipe.interventions]
        assert changed.losses == run.ablate(head=(0, 2), step=10).train(10).losses
        cell.widget.show(run.fork(3))
        assert "step=3" in cell.sent[-1][0]["page"]

    shown(run, script)


def test_a_second_view_of_a_cell_shows_the_same_run() -> None:
    async def script(cell: Cell) -> None:
        await cell.frame_at(30)
        cell.say("Seek", step=7)
        await cell.frame_at(7)
        cell.sent.clear()
        cell.open()  # as when a notebook draws the cell again
        await cell.frame_at(7)

    shown(glassgpt.train(steps=30), script)


def test_the_page_is_one_text_that_needs_no_file() -> None:
    need("" if (STATIC / "index.html").exists() else "the page is not built")
    text = notebook.page("seed=7&data=a<b")
    assert 'content="seed=7&amp;data=a&lt;b"' in text
    assert '<script type="module">' in text
    assert not re.search(r"<(?:script|link)[^>]+(?:src|href)=", text)
    assert "@font-face" not in text
    assert len(re.findall("</script>", text)) == 1


def test_an_unknown_view_is_refused() -> None:
    with pytest.raises(ConfigError, match="there is no view 'all'"):
        notebook.GlassGPT(view="all")
