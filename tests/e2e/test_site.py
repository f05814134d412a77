"""The static site: the kernel's first steps, Python's taking over, and where it is served from."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from glassgpt import Config, Session, builtin_names
from glassgpt.browser.site import write_site
from glassgpt.live.new_run import Source
from tests.conftest import Reference, need_python_for_the_browser
from tests.e2e.conftest import Opener, Tab, opening
from tests.support.serving import Served, hosting

ALL = "() => Object.fromEntries([...window.glass.state().arrays].map(([k, a]) => [k, [...a.data]]))"
WATCH = """() => {
  const { sites, params } = window.glass.state().hello;
  const arrays = [...sites, ...params].map(({ name }) => `value:${name}`);
  window.glass.send({ kind: "Watch", arrays, document: null });
  return arrays;
}"""  # everything, not only what is in sight
LOSSES = (
    "() => { const { data, length } = window.glass.state().losses;"
    " return [...data.slice(0, length)]; }"
)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    need_python_for_the_browser()
    folder = tmp_path_factory.mktemp("host") / "some where" / "glass"
    write_site(folder, Source.builtin())
    return folder


@pytest.fixture(scope="module")
def hosted(site: Path) -> Iterator[Served]:
    with hosting(site) as server:
        yield server


@pytest.fixture
def visit(hosted: Served, browser: Any) -> Iterator[Opener]:
    with opening(hosted, browser) as open_tab:
        yield open_tab


class Gate:
    """Keeps Python's interpreter from a page until it is opened."""

    def __init__(self, browser: Any, hosted: Served) -> None:
        self.context = browser.new_context(viewport={"width": 1280, "height": 900})
        self.page = self.context.new_page()
        self.waiting: list[Any] = []
        self.context.route("**/python.wasm.gz", lambda route: self.waiting.append(route))
        self.faults: list[str] = []
        self.page.on("pageerror", lambda error: self.faults.append(str(error)))
        self.page.goto(f"http://127.0.0.1:{hosted.port}/")
        self.tab = Tab(self.page, self.faults)

    def open(self) -> None:
        while not self.waiting:
            self.page.wait_for_timeout(10)
        self.waiting.pop().continue_()


@pytest.fixture
def gate(hosted: Served, browser: Any) -> Iterator[Gate]:
    gate = Gate(browser, hosted)
    yield gate
    gate.context.close()


def test_python_continues_the_first_steps_bit_for_bit(gate: Gate) -> None:
    it = gate.tab
    it.until("s.frame.step > 100")
    assert it.state("line") == "loading"
    it.page.get_by_role("button", name="Pause").click()
    names = set(it.page.evaluate(WATCH))
    it.until(f"!s.frame.playing && s.arrays.size >= {len(names)}")
    step, losses, before = it.state("frame.step"), it.page.evaluate(LOSSES), it.page.evaluate(ALL)
    run = it.state("hello.run")
    gate.open()
    it.until(f"s.line === 'open' && !s.frame.busy && s.samples && s.arrays.size >= {len(names)}")
    after = it.page.evaluate(ALL)
    assert (it.state("frame.step"), it.state("hello.run")) == (step, run)
    assert it.page.evaluate(LOSSES) == losses
    assert not it.state("frame.playing")
    assert {name: after[name] for name in before} == before
    assert names <= set(before)
    assert gate.faults == []


def test_what_is_said_before_python_is_there_is_done_by_python(gate: Gate) -> None:
    it = gate.tab
    it.until("s.frame.step > 20")
    it.page.get_by_role("button", name="To the start").click()
    gate.open()
    it.stands_at(0)
    assert it.state("line") == "open"
    assert gate.faults == []


def test_the_page_says_how_much_of_python_has_come(gate: Gate) -> None:
    gate.page.get_by_text("Python is being loaded into this page").wait_for()
    gate.open()
    gate.tab.until("s.line === 'open'")
    assert gate.page.get_by_text("Python is being loaded").count() == 0


def test_a_missing_file_is_named(site: Path, browser: Any, tmp_path: Path) -> None:
    import shutil

    broken = tmp_path / "broken"
    shutil.copytree(site, broken)
    (broken / "pyodide" / "library.zip.gz").unlink()
    with hosting(broken) as server:
        context = browser.new_context()
        page = context.new_page()
        page.goto(f"http://127.0.0.1:{server.port}/")
        page.get_by_text("library.zip.gz is missing (404)").wait_for()
        page.get_by_text("Python could not be started in this page").wait_for()
        page.wait_for_function("() => window.glass.state().frame.step > 20")  # the kernel continues
        context.close()


def test_it_works_from_a_folder_of_a_host_with_and_without_the_name_of_the_page(
    site: Path, browser: Any
) -> None:
    with hosting(site.parents[1]) as server:
        server.path = "/some%20where/glass/"
        with opening(server, browser) as open_tab:
            for name in ("", "index.html"):
                it = open_tab("seed=7&step=12", name=name)
                it.stands_at(12)
                assert it.state("hello.config.seed") == 7
                assert it.faults == []


def test_no_request_leaves_the_origin_and_the_policy_holds(visit: Opener) -> None:
    it = visit("")
    it.until("s.line === 'open' && s.frame.step > 150 && s.samples && s.baselines")
    policy = it.page.locator("meta[http-equiv=Content-Security-Policy]").get_attribute("content")
    assert "'unsafe-eval'" not in policy
    assert "script-src 'self' 'wasm-unsafe-eval';" in policy
    assert it.faults == []  # foreign requests and violations are faults


def test_the_reference_run_in_the_browser(
    reference: Reference, browser: Any, tmp_path: Path
) -> None:
    need_python_for_the_browser()
    write_site(tmp_path / "public", Source("names.txt", tuple(reference.documents)))
    with hosting(tmp_path / "public") as server, opening(server, browser) as open_tab:
        it = open_tab("seed=42&step=1000")
        it.stands_at(1000)
        it.until("s.samples?.step === 1000 && s.samples.written.length === 20")
        difference = max(
            abs(a - b) for a, b in zip(it.page.evaluate(LOSSES), reference.losses, strict=True)
        )
        assert difference < 1e-12
        assert [one["text"] for one in it.state("samples.written")] == reference.samples
        assert it.shown("stat:engine") == "fast (simd128)"


def test_the_scalar_engine_trains_and_answers(visit: Opener) -> None:
    it = visit("engine=scalar&step=0")
    it.stands_at(0)
    it.page.get_by_role("button", name="Play", exact=True).click()
    it.until("s.frame.step >= 5")
    it.page.get_by_role("button", name="Pause").click()
    it.until("!s.frame.playing")
    steps = it.state("frame.step")
    fast = Session(Config(), builtin_names()).run(steps).losses
    assert it.page.evaluate(LOSSES) == pytest.approx(list(fast), abs=1e-11)
    assert it.faults == []


KEPT = """async () => {
  const registration = await navigator.serviceWorker.ready;
  const worker = registration.active;
  if (worker.state === "activated") return true;
  await new Promise((done) => {
    worker.onstatechange = () => worker.state === "activated" && done();
  });
  return true;
}"""


def test_a_later_visit_needs_no_network(site: Path, browser: Any) -> None:
    with hosting(site) as server:
        context = browser.new_context()
        page = context.new_page()
        page.goto(f"http://127.0.0.1:{server.port}/")
        it = Tab(page, [])
        it.until("s.line === 'open'")
        assert page.evaluate(KEPT)
    page.goto(f"http://127.0.0.1:{server.port}/?later#seed=5&step=30")  # nobody serves it now
    it.until("s.line === 'open' && s.hello.config.seed === 5 && s.frame.step === 30")
    context.close()


def test_without_webassembly_it_says_so_and_shows_a_picture(hosted: Served, browser: Any) -> None:
    context = browser.new_context()
    context.add_init_script("delete window.WebAssembly")
    page = context.new_page()
    page.goto(f"http://127.0.0.1:{hosted.port}/")
    page.get_by_text("this browser has no WebAssembly").wait_for()
    page.wait_for_function("() => document.querySelector('.notices img').naturalWidth > 800")
    context.close()


@pytest.mark.parametrize(
    ("view", "heading"),
    [
        ("curve", "Loss"),
        ("machine", "The machine"),
        ("attention", "Attention"),
        ("number", "Selected"),
        ("samples", "What it writes"),
    ],
)
def test_a_frame_shows_one_figure_alone(
    hosted: Served, browser: Any, tmp_path: Path, view: str, heading: str
) -> None:
    address = f"http://127.0.0.1:{hosted.port}/#step=12&at=value:loss&view={view}"
    context = browser.new_context(viewport={"width": 760, "height": 560})
    page = context.new_page()
    (tmp_path / "index.html").write_text(f'<iframe src="{address}" width=720 height=520></iframe>')
    with hosting(tmp_path) as blog:  # another origin
        page.goto(f"http://127.0.0.1:{blog.port}/")
    frame = page.frames[1]
    frame.get_by_role("region").get_by_text(heading).or_(
        frame.get_by_role("region", name=heading)
    ).first.wait_for()
    frame.wait_for_function(
        "() => { const s = window.glass.state(); return s.line === 'open' && s.frame.step === 12; }"
    )
    assert len(frame.get_by_role("region").all()) == 2  # the keys of time, and the figure
    whole = frame.get_by_role("link", name="the whole page").get_attribute("href")
    assert "step=12" in whole
    assert "view=" not in whole
    frame.get_by_role("button", name="One step", exact=True).click()
    frame.wait_for_function("() => window.glass.state().frame.step === 13")
    assert f"view={view}" in frame.evaluate("location.hash")
    assert frame.evaluate("document.documentElement.scrollWidth <= innerWidth")
    context.close()
