"""What the page saves is the run: checkpoint, weights, log, pictures, script."""

from __future__ import annotations

import csv
import io
import json
import os
import re
import struct
import subprocess
import sys
import zlib
from collections.abc import Mapping
from pathlib import Path
from xml.etree import ElementTree

import pytest

from glassgpt import Sampling, Session, StepRecord, load_checkpoint, read_documents
from glassgpt.arrays import numbers, shape
from tests.e2e.conftest import SMALL, Opener, Tab, exactly, straight

STEP = 37
PNG = re.compile(r"Picture of .* \(PNG\)")


@pytest.fixture(scope="module")
def it(tabs: Opener) -> Tab:
    opened = tabs(f"{SMALL}&step={STEP}")
    opened.stands_at(STEP)
    return opened


@pytest.fixture(scope="module")
def run(names_file: Path) -> Session:
    return straight(names_file, STEP)


@pytest.fixture(scope="module")
def records(names_file: Path) -> list[StepRecord]:
    return list(straight(names_file, 0).run(STEP))


def kept(it: Tab, label: str | re.Pattern[str], folder: Path) -> Path:
    """Choose an entry of the Save menu; return the file that the browser keeps."""
    it.page.get_by_role("button", name="Save", exact=True).click()
    with it.page.expect_download() as download:
        it.page.locator("#save").get_by_role("button", name=label).click()
    path = folder / download.value.suggested_filename
    download.value.save_as(path)
    return path


def test_the_checkpoint_is_the_state_of_the_run(it: Tab, run: Session, tmp_path: Path) -> None:
    snapshot = load_checkpoint(kept(it, "Checkpoint", tmp_path))
    wanted = run.snapshot()
    assert (snapshot.config, snapshot.step) == (wanted.config, STEP)
    assert snapshot.random_state == wanted.random_state
    for (_, got), (kind, group) in zip(
        snapshot.state.groups(), wanted.state.groups(), strict=False
    ):
        wanted_numbers = exactly({name: numbers(a) for name, a in group.items()})
        assert {name: numbers(a) for name, a in got.items()} == wanted_numbers, kind


def test_from_the_checkpoint_the_run_continues_with_the_same_numbers(
    it: Tab, names_file: Path, tmp_path: Path
) -> None:
    snapshot = load_checkpoint(kept(it, "Checkpoint", tmp_path))
    resumed = Session.resumed(snapshot, read_documents(names_file))
    wanted = list(straight(names_file, 0).run(STEP + 20))[STEP:]
    assert list(resumed.run(20)) == exactly(wanted)


def test_the_weights_are_read_by_the_safetensors_library(
    it: Tab, run: Session, tmp_path: Path
) -> None:
    from safetensors.numpy import load_file

    got = load_file(kept(it, "Weights", tmp_path))
    wanted = run.engine.state().params
    assert list(got) == list(wanted)
    for name, a in wanted.items():
        assert got[name].shape == tuple(shape(a))
        assert got[name].ravel().tolist() == exactly(numbers(a))


def test_the_jsonl_log_is_the_runs(it: Tab, records: list[StepRecord], tmp_path: Path) -> None:
    lines = kept(it, "Log (JSONL)", tmp_path).read_text("utf-8").splitlines()
    assert [json.loads(line) for line in lines] == exactly(
        [
            {"step": r.step, "doc": r.document, "loss": r.loss, "lr": r.learning_rate}
            for r in records
        ]
    )


def test_the_csv_log_is_the_runs(it: Tab, records: list[StepRecord], tmp_path: Path) -> None:
    text = kept(it, "Log (CSV)", tmp_path).read_text("utf-8")
    assert [
        (int(row["step"]), row["document"], float(row["loss"]), float(row["learning_rate"]))
        for row in csv.DictReader(io.StringIO(text))
    ] == exactly([(r.step, r.document, r.loss, r.learning_rate) for r in records])


def test_the_log_has_a_button_of_its_own_for_the_same_csv(it: Tab, tmp_path: Path) -> None:
    whole = kept(it, "Log (CSV)", tmp_path).read_bytes()
    with it.page.expect_download() as download:
        it.page.get_by_role("button", name="save CSV").click()
    assert Path(download.value.path()).read_bytes() == whole


def test_the_script_runs_and_prints_the_same_loss_and_samples(
    it: Tab, names_file: Path, records: list[StepRecord], run: Session, tmp_path: Path
) -> None:
    script = kept(it, "Script", tmp_path)
    text = script.read_text("utf-8")
    written = [f"    {document!r}," for document in read_documents(names_file)]
    assert [line for line in text.splitlines() if line in written] == written
    assert len(text.splitlines()) <= len(written) + 13
    done = subprocess.run(
        [sys.executable, "-W", "error", script.name],
        cwd=tmp_path, capture_output=True, text=True, check=True, timeout=60,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2] / "src")},
    )  # fmt: skip
    lines = done.stdout.splitlines()
    last = records[-1]
    assert lines[STEP - 1] == f"step {STEP} loss {last.loss:.4f} {last.document}"
    assert lines[STEP:] == list(run.sample(Sampling()))


def pixels(octets: bytes) -> tuple[int, int, list[bytearray]]:
    """Return width, height and rows of RGBA of a PNG as browsers write them."""
    width, height, depth, kind = struct.unpack_from(">IIBB", octets, 16)
    assert octets[:8] == b"\x89PNG\r\n\x1a\n"
    assert (depth, kind) == (8, 6)
    packed, at = b"", 8
    while at < len(octets):
        (length,) = struct.unpack_from(">I", octets, at)
        if octets[at + 4 : at + 8] == b"IDAT":
            packed += octets[at + 8 : at + 8 + length]
        at += 12 + length
    return width, height, _unfiltered(zlib.decompress(packed), width * 4, height)


def _unfiltered(raw: bytes, size: int, height: int) -> list[bytearray]:
    rows: list[bytearray] = []
    above = bytearray(size)
    for y in range(height):
        how, row = raw[y * (size + 1)], bytearray(raw[y * (size + 1) + 1 : (y + 1) * (size + 1)])
        for i in range(size):
            a, b = row[i - 4] if i >= 4 else 0, above[i]
            c = above[i - 4] if i >= 4 else 0
            p = a + b - c
            paeth = min((abs(p - a), 0, a), (abs(p - b), 1, b), (abs(p - c), 2, c))[2]
            row[i] = (row[i] + (0, a, b, (a + b) // 2, paeth)[how]) % 256
        rows.append(row)
        above = row
    return rows


def drawn(it: Tab, figure: str, size: tuple[int, int]) -> Mapping[tuple[int, int], list[int]]:
    """Return the colours on the canvas, number by number."""
    rows, cols = size
    told = it.page.evaluate(
        """([figure, rows, cols]) => Array.from({ length: rows * cols }, (_, i) =>
            window.glass.drawn(`${figure}[${Math.floor(i / cols)},${i % cols}]`).colour)""",
        [figure, rows, cols],
    )
    return {(i // cols, i % cols): colour for i, colour in enumerate(told)}


@pytest.fixture
def picked(it: Tab) -> tuple[str, tuple[int, int]]:
    """Select a number in a matrix that is drawn upright."""
    it.page.locator('[data-figure="value:layer0.attn_wv"]').first.click(position={"x": 5, "y": 5})
    it.until("s.selected?.name === 'layer0.attn_wv'")
    return "value:layer0.attn_wv", (8, 8)


def test_a_figure_is_saved_as_svg_with_every_cell_in_its_colour(
    it: Tab, picked: tuple[str, tuple[int, int]], tmp_path: Path
) -> None:
    figure, (rows, cols) = picked
    path = kept(it, "(SVG)", tmp_path)
    assert path.name == "value-layer0.attn_wv.svg"
    root = ElementTree.fromstring(path.read_text("utf-8"))
    space = "{http://www.w3.org/2000/svg}"
    assert root.findtext(f"{space}title") == f"{figure}, step {STEP}"
    cells = root.findall(f"{space}rect")
    side = float(cells[0].get("width", ""))
    got = {
        (round(float(c.get("y", "")) / side), round(float(c.get("x", "")) / side)): [
            int(c.get("fill", "")[i : i + 2], 16) for i in (1, 3, 5)
        ]
        for c in cells
    }
    it.page.get_by_role("button", name="deselect").click()  # its ring covers cells
    it.until("!s.selected")
    assert got == drawn(it, figure, (rows, cols))


def test_a_figure_is_saved_as_png_as_shown_on_the_page(it: Tab, tmp_path: Path) -> None:
    it.page.keyboard.press("Escape")
    if it.state("selected"):
        it.page.get_by_role("button", name="deselect").click()  # its ring covers cells
        it.until("!s.selected")
    path = kept(it, "Picture of value:wte (PNG)", tmp_path)
    assert path.name == "value-wte.png"
    width, height, image = pixels(path.read_bytes())
    rows, cols = it.state("hello.params.find((one) => one.name === 'wte').shape")
    side = width // rows  # a tall matrix is drawn on its side
    assert (width, height) == (side * rows, side * cols)
    got = {
        (r, c): list(image[c * side + side // 2][(r * side + side // 2) * 4 :][:3])
        for r in range(rows)
        for c in range(cols)
    }
    assert got == drawn(it, "value:wte", (rows, cols))


def test_the_loss_curve_is_saved_as_png(it: Tab, tmp_path: Path) -> None:
    path = kept(it, "Loss curve", tmp_path)
    width, height, image = pixels(path.read_bytes())
    assert path.name == "loss curve.png"
    assert width > 600
    assert height >= 150
    assert sum(any(row) for row in image) > 20  # something is on it


def test_a_picture_is_saved_after_the_switch_was_changed(tab: Opener, tmp_path: Path) -> None:
    it = tab(f"{SMALL}&step={STEP}&at=wte[1,1]&show=grad")
    it.until("s.selected && s.arrays.has('grad:wte')")
    path = kept(it, PNG, tmp_path)
    assert path.name == "grad-wte.png"
    assert sum(any(row) for row in pixels(path.read_bytes())[2]) > 20


def computed(run: Session, name: str) -> list[float]:
    return numbers(run.engine.forward(run.tokens(run.document(STEP)))[name])


def parts(it: Tab, folder: Path, tag: str) -> list[ElementTree.Element]:
    """Return the parts of one kind of the SVG that is kept; a PNG is kept too, and not empty."""
    _, _, image = pixels(kept(it, PNG, folder).read_bytes())
    assert sum(any(row) for row in image) > 20
    root = ElementTree.fromstring(kept(it, "(SVG)", folder).read_text("utf-8"))
    return root.findall(f"{{http://www.w3.org/2000/svg}}{tag}")


def test_a_picture_of_the_probabilities_is_saved(it: Tab, run: Session, tmp_path: Path) -> None:
    it.page.locator('[data-figure="value:probs"]').click()
    it.until("s.selected?.name === 'probs'")
    tall = [float(bar.get("height", "")) for bar in parts(it, tmp_path, "rect")]
    probs = computed(run, "probs")
    assert tall == pytest.approx([p / probs[0] * tall[0] for p in probs], abs=0.01)


@pytest.mark.parametrize(("name", "digits"), [("losses", 2), ("loss", 4)])
def test_a_picture_of_printed_numbers_is_saved(
    it: Tab, run: Session, tmp_path: Path, name: str, digits: int
) -> None:
    it.page.locator(f'[data-at="value:{name}"], [data-at="value:{name}[0]"]').click()
    it.until(f"s.selected?.name === '{name}'")
    texts = [one.text for one in parts(it, tmp_path, "text")]
    assert texts[1::2] == [f"{value:.{digits}f}" for value in computed(run, name)]


def test_the_menu_offers_no_picture_of_a_figure_that_is_not_drawn(tab: Opener) -> None:
    it = tab(f"{SMALL}&n_layer=2&step=1&at=layer1.attn.q[0,0]")  # its layer is folded
    it.until("s.selected && s.arrays.has('value:layer1.attn.q')")
    it.page.get_by_role("button", name="Save", exact=True).click()
    it.page.get_by_role("button", name="Picture of layer1.attn.q (PNG)").click()
    it.told("layer1.attn.q is not drawn now, so there is no picture of it")


def test_the_link_that_is_copied_opens_the_same_state(tab: Opener) -> None:
    one = tab(f"{SMALL}&step=11&at=wpe[2,3]", permissions=["clipboard-read", "clipboard-write"])
    one.stands_at(11)
    one.page.get_by_role("button", name="Copy link").click()
    one.page.get_by_role("button", name="Copied").wait_for()
    link = one.page.evaluate("() => navigator.clipboard.readText()")
    two = tab(link.split("#")[1])
    two.stands_at(11)
    for name in ("selected", "selected-value", "loss", "document"):
        assert one.shown(name) == two.shown(name)


def test_a_number_is_copied_with_every_digit(tab: Opener, names_file: Path) -> None:
    it = tab(f"{SMALL}&step=11&at=wpe[2,3]", permissions=["clipboard-read", "clipboard-write"])
    it.stands_at(11)
    it.page.get_by_role("button", name="copy every digit").click()
    it.page.get_by_role("button", name="copied").wait_for()
    text = it.page.evaluate("() => navigator.clipboard.readText()")
    assert re.fullmatch(r"-?\d\.\d{10,}(e-\d+)?", text)
    assert float(text) == exactly(straight(names_file, 11).engine.state().params["wpe"][2, 3])


def test_without_a_clipboard_the_text_to_copy_is_shown(tab: Opener) -> None:
    it = tab(f"{SMALL}&step=1&at=wpe[2,3]")  # as over plain http to another machine
    it.stands_at(1)
    it.until("s.selected && s.arrays.has('value:wpe') && s.arrays.has('m:wpe')")
    it.page.evaluate("() => Object.defineProperty(navigator, 'clipboard', { value: undefined })")
    number = it.page.evaluate("() => window.glass.drawn('wpe[2,3]').value")
    for button, text in [
        ("Copy link", "&step=1&at=value%3Awpe%5B2%2C3%5D"),
        ("copy every digit", number),
    ]:
        it.page.get_by_role("button", name=button).click()
        it.told("The browser lets a page copy only over https or from this machine")
        box = it.page.get_by_label("To be copied by hand")
        it.page.wait_for_function("() => document.activeElement.matches('.notices input')")
        assert box.input_value().endswith(text)
        selected = box.evaluate("e => e.value.slice(e.selectionStart, e.selectionEnd)")
        assert selected == box.input_value()
    assert not it.faults
