"""The page in a cell of a notebook: Jupyter, VS Code, Colab, marimo; no port and no server.

Needs the extra: pip install "glassgpt[notebook]".
"""

from __future__ import annotations

import asyncio
import html
import json
import re
import struct
from pathlib import Path
from typing import Any

from glassgpt.analysis.run import Run, train
from glassgpt.browser.worker import BrowserHost, Worker
from glassgpt.errors import ConfigError
from glassgpt.live.host import Bell
from glassgpt.live.new_run import Source
from glassgpt.training.history import History
from glassgpt.training.session import Session

try:
    import anywidget
    import traitlets
except ImportError:
    raise ConfigError(
        "the page in a notebook needs anywidget", 'pip install "glassgpt[notebook]"'
    ) from None

STATIC = Path(__file__).parent / "static"
FONTS = re.compile(r"@font-face\s*{[^}]*}")  # their files cannot be reached from a cell
VIEWS = ("", "curve", "machine", "attention", "number", "samples")


class GlassGPT(anywidget.AnyWidget):
    """A run on the page, in a cell: `GlassGPT(run)`, by default the built-in names at step 0.

    `step` and `selected` follow the page, and setting them moves the page; `run` is a copy of what
    is shown now. `view` shows one figure alone, as `#view=` does. While a cell computes, the page
    waits.
    """

    _esm = (STATIC / "notebook.js").read_text("utf-8") if STATIC.exists() else ""
    height = traitlets.Int(720, min=100, max=10_000).tag(sync=True)
    step = traitlets.Int(0, min=0, help="the position of the run on the page")
    selected = traitlets.Unicode("", help="the address of the number that was opened last")

    def __init__(self, run: Run | None = None, *, height: int = 720, view: str = "") -> None:
        if view not in VIEWS:
            raise ConfigError(
                f"there is no view {view!r}", f"choose one of: {', '.join(VIEWS[1:])}"
            )
        self._view, self._shows = "", view  # the view of the widget that talks to Python
        self._following = False  # the page, so that a trait that changes is no wish
        self._life: asyncio.Task[None] | None = None
        super().__init__(height=height)
        self.show(run or train(steps=0))
        self.on_msg(self._hear)
        self.observe(self._seek, "step")
        self.observe(self._select, "selected")

    def show(self, run: Run) -> None:
        """Show another run, at its step."""
        recipe = run.recipe
        bell = Bell()

        async def pause() -> None:
            await asyncio.sleep(0.001)  # the notebook's own messages need more than a turn

        async def sleep(seconds: float) -> bool:
            return await bell.sleep(None if seconds < 0 else seconds)

        if self._life is not None:
            self._life.cancel()
        self._life = None
        self._link = run.link().removeprefix("#")
        source = Source(recipe.data_name, tuple(run.documents), recipe.cut)
        self._worker = Worker(source, BrowserHost(pause, sleep, bell.wake), self)
        self._follow("step", run.step)
        if self._view:
            self._send_page()

    @property
    def run(self) -> Run:
        """A copy of the run that is shown, with its changes, at its step."""
        workspace = self._worker.workspace
        history = History(Session(workspace.history.recipe.config, self._worker.source.documents))
        history = history.forked(history.first, workspace.history.recipe.interventions)
        history.advance(workspace.session.step)
        return Run(history, self._worker.source.documents)

    # -- what the worker calls: `Line`

    def event(self, frame: bytes) -> None:
        """Send an event to the page, and note what it says of step and selection."""
        self.send({"view": self._view}, [frame])
        (length,) = struct.unpack_from("<I", frame)
        event = json.loads(frame[4 : 4 + length])
        if event["kind"] == "Frame" and not event["busy"]:
            self._follow("step", event["step"])
        elif event["kind"] == "Explained":
            self._follow("selected", event["address"])

    def ended(self, reason: str) -> None:
        """Tell the page that the run has ended."""
        self.send({"view": self._view, "ended": reason})

    # -- messages

    def _hear(self, _: Any, message: dict[str, Any], buffers: list[Any]) -> None:
        if message.get("opened"):
            self._view = message["view"]
            self._send_page()
        elif message["view"] == self._view:
            self._worker.hear(message["said"] if "said" in message else memoryview(buffers[0]))
            if self._life is None:
                self._life = asyncio.ensure_future(self._worker.live())

    def _send_page(self) -> None:
        link = f"{self._link}&view={self._shows}" if self._shows else self._link
        self.send({"view": self._view, "page": page(link)})

    def _seek(self, change: Any) -> None:
        if not self._following and self._life is not None:
            self._worker.hear(json.dumps({"kind": "Seek", "step": change.new}))

    def _select(self, change: Any) -> None:
        if not self._following:
            self.send({"view": self._view, "select": change.new})

    def _follow(self, trait: str, value: Any) -> None:
        self._following = True
        try:
            setattr(self, trait, value)
        finally:
            self._following = False


def page(link: str) -> str:
    """Return the page as one text, which shows the run of a link by messages to its parent."""
    text = (STATIC / "index.html").read_text("utf-8")
    metas = f'<meta name="glassgpt-notebook" content="{html.escape(link)}" />'
    text = text.replace('<meta charset="utf-8" />', f'<meta charset="utf-8" />{metas}')
    text = re.sub(r'<link rel="icon"[^>]*>', "", text)
    text = re.sub(r'<link rel="stylesheet"[^>]*href="\./([^"]+)"[^>]*>', _style, text)
    return re.sub(r'<script type="module"[^>]*src="\./([^"]+)"[^>]*></script>', _script, text)


def _style(found: re.Match[str]) -> str:
    return f"<style>{FONTS.sub('', (STATIC / found[1]).read_text('utf-8'))}</style>"


def _script(found: re.Match[str]) -> str:
    program = (STATIC / found[1]).read_text("utf-8").replace("</script", "<\\/script")
    return f'<script type="module">{program}</script>'
