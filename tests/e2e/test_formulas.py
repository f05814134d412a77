"""The formulas as a browser paints them on a machine that has no mathematical font."""

from __future__ import annotations

import base64
import os
import shutil
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.e2e.conftest import CHROMIUM, SMALL, Opener, opening
from tests.support.serving import Served

FONTS = """<?xml version="1.0"?><!DOCTYPE fontconfig SYSTEM "fonts.dtd">
<fontconfig><dir>{folder}</dir><cachedir>{folder}/cache</cachedir></fontconfig>"""

# the darkness of each pixel of a picture, as bytes, decoded by the browser itself
DECODE = """async (picture) => {
  const octets = Uint8Array.from(atob(picture), (character) => character.charCodeAt(0));
  const image = await createImageBitmap(new Blob([octets]));
  const pen = new OffscreenCanvas(image.width, image.height).getContext("2d");
  pen.drawImage(image, 0, 0);
  const { data } = pen.getImageData(0, 0, image.width, image.height);
  let text = "";
  for (let i = 0; i < data.length; i += 4) text += String.fromCharCode(255 - data[i + 1]);
  return [image.width, image.height, btoa(text)];
}"""

# the place of each sign, root and fraction of a formula, from the corner of its box
PARTS = """(box) => {
  const from = box.getBoundingClientRect();
  const place = (element) => {
    const { left, top, right, bottom } = element.getBoundingClientRect();
    return [left - from.left, top - from.top, right - from.left, bottom - from.top];
  };
  const all = (what) => [...box.querySelectorAll(what)];
  const named = (element) => [element.textContent, place(element)];
  return {
    size: [box.clientWidth, box.scrollWidth],
    signs: all("mi, mo, mn, mtext")
      .filter((one) => /[^\\s\\u2061]/.test(one.textContent)).map(named),
    roots: all("msqrt").map((one) => [one, one.firstElementChild, one.lastElementChild].map(place)),
    fractions: all("mfrac").map((one) => [place(one), ...[...one.children].map(place)]),
  };
}"""

SCALE = 3  # device pixels to one of the page
INK = 60  # of 255, darker than the paper


def has_math_table(font: Path) -> bool:
    octets = font.read_bytes()
    (count,) = struct.unpack_from(">H", octets, 4)
    return any(octets[12 + 16 * i : 16 + 16 * i] == b"MATH" for i in range(count))


@pytest.fixture(scope="module")
def plain(
    served: Served, browser: Any, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Opener]:
    """Open tabs of a browser with one font of the machine, without mathematics."""
    folder = tmp_path_factory.mktemp("fonts")
    fonts = sorted(Path("/usr/share/fonts").rglob("*Sans*.ttf")) or sorted(
        Path("/usr/share/fonts").rglob("*.ttf")
    )
    font = next((one for one in fonts if not has_math_table(one)), None)
    if font is None:
        pytest.skip("there is no plain font in /usr/share/fonts")
    shutil.copy(font, folder)
    (folder / "fonts.conf").write_text(FONTS.format(folder=folder))
    environment = {**os.environ, "FONTCONFIG_FILE": str(folder / "fonts.conf")}
    kind = browser.browser_type
    chromium = kind.launch(executable_path=CHROMIUM, env=environment)
    with opening(served, chromium) as open_tab:
        yield open_tab
    chromium.close()


def painted(page: Any, box: Any) -> np.ndarray[Any, Any]:
    """Return where the picture of an element has ink."""
    picture = base64.b64encode(box.screenshot()).decode()
    width, height, dark = page.evaluate(DECODE, picture)
    paper = np.frombuffer(base64.b64decode(dark), np.uint8).reshape(height, width)
    found: np.ndarray[Any, Any] = paper.astype(int) - int(paper.min()) > INK
    return found


def has_bar(
    ink: np.ndarray[Any, Any], left: float, right: float, top: float, bottom: float
) -> bool:
    """Return whether a line of ink goes from `left` to `right`, between `top` and `bottom`."""
    rows = slice(max(0, int(top * SCALE)), int(bottom * SCALE) + 1)
    cols = slice(int(left * SCALE) + 2, int(right * SCALE) - 2)
    return bool((ink[rows, cols].mean(axis=1) > 0.95).any())


@pytest.mark.parametrize("width", [390, 1280, 1920])
def test_without_a_font_for_mathematics_every_sign_of_every_formula_is_drawn(
    plain: Opener, width: int
) -> None:
    it = plain(
        f"{SMALL}&step=1",
        viewport={"width": width, "height": 900},
        device_scale_factor=SCALE,
        reduced_motion="reduce",
    )
    it.stands_at(1)
    it.page.locator(".mathematics").scroll_into_view_if_needed()
    it.page.evaluate("() => document.fonts.ready")
    # what stays in sight above would cover a formula in its picture
    it.page.add_style_tag(content=".stays { position: static !important }")
    boxes = it.page.locator(".symbols").all()
    roots = 0
    for box in boxes:
        parts = box.evaluate(PARTS)
        name = "".join(text for text, _ in parts["signs"])
        ink = painted(it.page, box)
        high = ink.shape[0] / SCALE
        room, needed = parts["size"]
        assert needed <= room, name
        for text, (left, top, right, bottom) in parts["signs"]:
            assert -0.5 <= left <= right <= room + 0.5, (name, text)
            assert -0.5 <= top <= bottom <= high + 0.5, (name, text)
            assert ink[
                max(0, int(top * SCALE)) : int(bottom * SCALE) + 1,
                int(left * SCALE) : int(right * SCALE) + 1,
            ].any(), (name, text)
        for root, first, last in parts["roots"]:
            roots += 1
            assert has_bar(ink, first[0], last[2], root[1] - 1, min(first[1], last[1]) + 1), name
            assert first[1] - root[1] > 2, name  # between the bar and the denominator
            sign = ink[:, int(root[0] * SCALE) : int(first[0] * SCALE)]
            assert sign.any(axis=1).sum() > 0.8 * (root[3] - root[1]) * SCALE, name
        for whole, above, below in parts["fractions"]:
            assert has_bar(ink, whole[0] + 1, whole[2] - 1, above[3] - 1, below[1] + 1), name
    assert len(boxes) == 14
    assert roots == 3


def faces(page: Any, selector: str) -> dict[str, bool]:
    """Return the fonts that elements are set in, and whether each came with the page."""
    tool = page.context.new_cdp_session(page)
    for domain in ("DOM", "CSS"):
        tool.send(f"{domain}.enable")
    root = tool.send("DOM.getDocument")["root"]["nodeId"]
    nodes = tool.send("DOM.querySelectorAll", {"nodeId": root, "selector": selector})["nodeIds"]
    fonts = [tool.send("CSS.getPlatformFontsForNode", {"nodeId": node})["fonts"] for node in nodes]
    return {one["familyName"]: one["isCustomFont"] for some in fonts for one in some}


def test_no_sign_of_the_page_is_taken_from_the_fonts_of_the_machine(plain: Opener) -> None:
    it = plain(f"{SMALL}&step=5&at=wte[1,2]", reduced_motion="reduce")
    it.stands_at(5)
    it.page.locator(".opened").wait_for()  # with the formulas of Adam: m̂ / (√v̂ + ε)
    assert "√v̂" in it.page.locator(".opened").inner_text()
    it.page.locator(".mathematics").scroll_into_view_if_needed()
    it.page.evaluate(
        """() => {
          const text = "␉␡␦␣◌∅→←⇤⇥◐⌘≈≤∞";
          for (const face of ["serif", "sans", "mono"]) {
            const line = document.createElement("p");
            [line.id, line.textContent] = [`signs-${face}`, text];
            line.style.fontFamily = `var(--${face})`;
            document.body.append(line);
          }
          return document.fonts.ready;
        }"""
    )
    for place in (
        ".opened .mono",
        ".opened span",
        ".live",
        ".symbols mi",
        "#signs-serif",
        "#signs-sans",
        "#signs-mono",
    ):
        found = faces(it.page, place)
        assert found
        assert all(found.values()), (place, found)
