"""The page in a real browser; without Chromium skipped with a sentence, but not in CI.

It comes from the real server, or with GLASSGPT_EDITION=site from a static site, in which the same
Python runs in the browser.
"""

from __future__ import annotations

import math
import os
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, fields, is_dataclass
from pathlib import Path
from typing import Any

import pytest

from glassgpt import Session, builtin_names, read_documents
from glassgpt.arrays import Array, array, numbers, shape
from glassgpt.browser.site import write_site
from glassgpt.engines import create
from glassgpt.live.new_run import Source
from glassgpt.model.state import State
from glassgpt.server.app import STATIC
from glassgpt.training.link import read_link
from tests.conftest import need, need_python_for_the_browser
from tests.support.serving import Served, hosting, serving

_BROWSERS = ("chromium-headless-shell", "chromium", "chromium-browser")  # the quickest first
CHROMIUM = next((path for name in _BROWSERS if (path := shutil.which(name))), "")
SITE = os.environ.get("GLASSGPT_EDITION") == "site"
needs_server = pytest.mark.skipif(SITE, reason="a static site has no server")
SMALL = "n_embd=8&n_head=2&block_size=8&num_steps=120&seed=3"  # quick on the scalar engine too


def _missing() -> str:
    if not CHROMIUM:
        return "there is no Chromium (apt-get install chromium)"
    if not (STATIC / "index.html").exists():
        return "the page is not built (npm ci && npm run build in web/)"
    return ""


@pytest.fixture(scope="session")
def names_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("data") / "some names.txt"
    path.write_text("\n".join(name for name in builtin_names()[:300] if len(name) < 9))
    return path


@pytest.fixture(scope="session")
def served(names_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    need(_missing())
    if not SITE:
        with serving(data=names_file) as server:
            yield server
        return
    need_python_for_the_browser()
    site = tmp_path_factory.mktemp("site")
    write_site(site, Source(names_file.name, tuple(read_documents(names_file))))
    with hosting(site) as server:
        yield server


@pytest.fixture(scope="package")  # not longer: while it exists no other event loop can run here
def browser() -> Iterator[Any]:
    need(_missing())
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM)
        yield chromium
        chromium.close()


@dataclass
class Tab:
    """A page in a tab, and everything that went wrong in it."""

    page: Any
    faults: list[str]

    def state(self, path: str) -> Any:
        """Return a part of the page's state, as `frame.step`."""
        return self.page.evaluate(f"() => window.glass.state().{path}")

    def until(self, condition: str, seconds: float = 20) -> None:
        self.page.wait_for_function(
            f"() => {{ const s = window.glass?.state(); return s?.frame && ({condition}); }}",
            timeout=seconds * 1000,
        )

    def stands_at(self, step: int) -> None:
        """Wait until the run is at a step, and the page shows it."""
        self.until(f"s.frame.step === {step} && !s.frame.busy && !s.frame.playing")

    def settles(self) -> None:
        """Wait until everything that was sent is in view."""
        self.page.wait_for_function("() => window.glass.settled()")

    def is_in_the_address(self, part: str = "") -> None:
        """Wait until the address holds what is shown, this text with it, and the tab its run."""
        self.page.wait_for_function(
            """(part) => sessionStorage.getItem("glassgpt.run") &&
              sessionStorage.getItem("glassgpt.link") === location.hash.slice(1) &&
              location.hash.includes(part)""",
            arg=part,
        )

    def told(self, text: str) -> None:
        """Wait until the notices say something."""
        self.page.locator(".notices").get_by_text(text).wait_for()

    def shown(self, name: str) -> str:
        """Return the text that the page shows under a name."""
        text: str = self.page.locator(f'[data-shown="{name}"]').first.inner_text()
        return text


Opener = Callable[..., Tab]


def straight(names_file: Path, steps: int, link: str = SMALL) -> Session:
    """Return the run of a link, taken straight to a step without any page."""
    session = Session(read_link(link).recipe.config, read_documents(names_file))
    if steps:
        session.run(steps)
    return session


def computed_at(names_file: Path, step: int) -> Mapping[str, Mapping[str, Array]]:
    """Return every array of the run at a step, straight from the engine, by kind and name."""
    session = straight(names_file, step - 1)
    before = session.engine.state()
    session.run(1)
    state = session.engine.state()
    tokens = session.tokens(session.document(step))
    engine = create(session.engine.name, session.config, session.tokenizer.vocab_size)
    engine.load(State(before.params, state.m, state.v))
    old = {**before.params, **engine.forward(tokens)}
    engine.load(state)
    new = {**state.params, **engine.forward(tokens)}
    gradients = engine.backward()
    return {
        "value": new,
        "grad": {**gradients.params, **gradients.sites},
        "delta": {name: _minus(new[name], old[name]) for name in new},
        "m": state.m,
        "v": state.v,
    }


def _minus(a: Array, b: Array) -> Array:
    return array((x - y for x, y in zip(numbers(a), numbers(b), strict=True)), shape(a))


class Near:
    """Equal to what differs from a value in the last digits of its numbers only."""

    def __init__(self, value: Any) -> None:
        self._value = value

    def __repr__(self) -> str:
        return f"near {self._value!r}"

    def __eq__(self, other: object) -> bool:
        return _near(self._value, other)

    __hash__ = None  # type: ignore[assignment]


def _near(a: Any, b: Any) -> bool:
    if isinstance(a, float):
        return isinstance(b, float | int) and math.isclose(a, b, rel_tol=1e-11, abs_tol=1e-12)
    if is_dataclass(a):
        return type(a) is type(b) and _near(vars_of(a), vars_of(b))
    if isinstance(a, Mapping):
        return a.keys() == b.keys() and all(_near(a[key], b[key]) for key in a)
    if isinstance(a, list | tuple):
        return len(a) == len(b) and all(map(_near, a, b))
    return bool(a == b)


def vars_of(a: Any) -> dict[str, Any]:
    """Return the fields of a data class, which may have slots."""
    return {field.name: getattr(a, field.name) for field in fields(a)}


def exactly(value: Any) -> Any:
    """Return what numbers of the page must equal: the value itself, to the last bit.

    The C library and the instruction set of a static site are not those of this process: there
    the last digits may differ.
    """
    return Near(value) if SITE else value


def shown(value: float, digits: int = 4) -> str:
    """Return a number as the page prints it, by a second implementation in Python."""
    if value and abs(value) < 0.5 * 10**-digits:
        mantissa, _, exponent = f"{value:.2e}".partition("e")
        text = f"{mantissa}e{int(exponent)}"
    else:
        text = f"{value:.{digits}f}"
    return text.replace("-", "−")


@contextmanager
def opening(served: Served, browser: Any) -> Iterator[Opener]:
    contexts = []

    def open_tab(
        link: str = f"{SMALL}&step=0", *, name: str = "", guide: bool = False, **options: Any
    ) -> Tab:
        options = {"viewport": {"width": 1280, "height": 900}, **options}
        context = browser.new_context(**options)
        contexts.append(context)
        context.set_default_timeout(15_000)
        if not guide:
            context.add_init_script("localStorage.setItem('glassgpt.guide', 'read')")
        page = context.new_page()
        faults: list[str] = []
        page.on("pageerror", lambda error: faults.append(str(error)))
        page.on(
            "console",
            lambda message: faults.append(message.text) if message.type == "error" else None,
        )
        page.on(
            "request",
            lambda request: (
                None
                if request.url.split("//")[1].startswith(f"127.0.0.1:{served.port}{served.path}")
                or request.url.startswith(("blob:", "data:"))
                else faults.append(f"foreign request {request.url}")
            ),
        )
        page.goto(f"http://127.0.0.1:{served.port}{served.path}{name}#{link}")
        opened = Tab(page, faults)
        opened.until("true")
        return opened

    yield open_tab
    for context in contexts:
        context.close()


@pytest.fixture
def tab(served: Served, browser: Any) -> Iterator[Opener]:
    """Open tabs for one test."""
    with opening(served, browser) as open_tab:
        yield open_tab


@pytest.fixture(scope="module")
def tabs(served: Served, browser: Any) -> Iterator[Opener]:
    """Open tabs that all tests of a module share."""
    with opening(served, browser) as open_tab:
        yield open_tab
