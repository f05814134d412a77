"""The page on a narrow screen and with forced colours: nothing covered, no mark lost."""

from __future__ import annotations

from typing import Any

import pytest

from tests.e2e.conftest import SMALL, Opener

# Pairs of texts, buttons and fields that cover one another by more than two pixels each way.
OVERLAPS = """(root) => {
  const all = [...document.querySelectorAll(`${root} :is(button, span, b, label, input)`)];
  const seen = { visibilityProperty: true, opacityProperty: true };
  const shown = all.filter((e) => e.checkVisibility(seen)
    && !e.querySelector("button, span, b, label, input") && !e.closest(".hidden, .cursor")
    && (e.tagName === "BUTTON" || e.textContent.trim()));
  const boxes = shown.map((e) => [e, e.getBoundingClientRect()]);
  const found = [];
  boxes.forEach(([a, p], i) => boxes.slice(i + 1).forEach(([b, q]) => {
    const wide = Math.min(p.right, q.right) - Math.max(p.left, q.left);
    const tall = Math.min(p.bottom, q.bottom) - Math.max(p.top, q.top);
    if (wide > 2 && tall > 2) found.push(`${a.textContent} | ${b.textContent}`);
  }));
  return found;
}"""
COLOURS = """(name) => [...document.querySelectorAll(name)]
  .map((e) => getComputedStyle(e))
  .map((s) => s.getPropertyValue("box-shadow") + s.getPropertyValue("background-color"))"""


@pytest.mark.parametrize("width", [320, 390])
def test_a_narrow_screen_covers_no_word_with_another(tab: Opener, width: int) -> None:
    it = tab(f"{SMALL}&num_steps=12000&step=1000", viewport={"width": width, "height": 800})
    it.until("s.frame.step === 1000 && s.baselines && s.samples", seconds=60)
    for root in ("header", ".transport", ".timeline", ".ask", "section:has(#stats)"):
        assert it.page.evaluate(OVERLAPS, root) == []
    wide = it.page.evaluate("() => document.documentElement.scrollWidth")
    assert wide <= width


@pytest.mark.parametrize("width", [320, 390])
def test_no_label_of_a_narrow_curve_hides_its_fall(tab: Opener, width: int) -> None:
    it = tab(f"{SMALL}&step=120", viewport={"width": width, "height": 800})
    it.until("s.frame.step === 120 && s.baselines")
    lefts = it.page.locator(".baseline > span").evaluate_all(
        "all => all.map((one) => one.getBoundingClientRect().left)"
    )
    assert len(lefts) == 4
    assert min(lefts) > width / 2


def test_on_a_phone_the_first_visit_takes_the_whole_width(tab: Opener) -> None:
    it = tab(f"{SMALL}&step=0", viewport={"width": 390, "height": 800}, guide=True)
    wide, tall = it.page.locator("aside").evaluate(
        "e => [e.querySelector('ol').clientWidth, e.clientHeight]"
    )
    assert wide == 390 - 2 * 16
    assert tall < 300


def test_on_a_phone_a_tap_on_a_number_is_answered_where_it_was_made(tab: Opener) -> None:
    it = tab(f"{SMALL}&step=30", viewport={"width": 390, "height": 800}, has_touch=True)
    it.stands_at(30)
    it.page.locator("[data-at='value:losses[1]']").tap()
    it.until("s.explained")
    told = it.page.get_by_role("complementary", name="Selected number")
    value = it.page.evaluate("() => window.glass.drawn('losses[1]').value")
    assert f"{float(value):.4f}" in told.inner_text()
    told.get_by_role("button", name="Explain it").click()
    told.wait_for(state="detached")
    box = it.page.locator("#selected").bounding_box()
    assert 0 <= box["y"] < 200


def test_on_a_phone_the_names_of_rows_stay_when_the_machine_scrolls_sideways(tab: Opener) -> None:
    it = tab(f"{SMALL}&step=30", viewport={"width": 320, "height": 800})
    it.stands_at(30)
    gone, rows = it.page.locator(".glass").evaluate(
        """(glass) => {
          const rows = [...glass.querySelectorAll(".name")];
          const places = () => rows.map((row) => row.getBoundingClientRect().left);
          const before = places();
          glass.scrollLeft = 100;
          return [glass.scrollLeft, before.map((left, i) => [left, places()[i]])];
        }"""
    )
    assert gone == 100
    assert all(before == after for before, after in rows)


def test_names_and_signs_of_the_machine_keep_clear_of_each_other(tab: Opener) -> None:
    it = tab(f"{SMALL}&step=30")
    it.stands_at(30)
    names, plus = it.page.evaluate(
        """() => {
          const site = document.querySelector(".site:has(.plus)");
          const text = document.createRange();
          text.selectNodeContents(site.querySelector(".name"));
          return [text, site.querySelector(".plus")].map((e) => {
            const { left, right } = e.getBoundingClientRect();
            return { left, right };
          });
        }"""
    )
    assert names["right"] < plus["left"]


def test_a_plus_covers_no_number_of_the_columns_next_to_it(tab: Opener) -> None:
    it = tab("n_embd=16&n_head=2&num_steps=1&step=0", viewport={"width": 1200, "height": 900})
    it.stands_at(0)
    left, right = it.page.locator(".site:has(.plus)").first.evaluate(
        """(site) => {
          const from = site.querySelector("canvas").getBoundingClientRect().left;
          const { left, right } = site.querySelector(".plus").getBoundingClientRect();
          return [left - from, right - from];
        }"""
    )
    assert left >= -9  # the gap between two columns
    assert right <= 0


def test_forced_colours_keep_every_mark_that_a_colour_makes(tab: Opener) -> None:
    options: dict[str, Any] = {"forced_colors": "active"}
    it, plain = (tab(f"{SMALL}&step=30&at=value:wte[1,1]", **more) for more in (options, {}))
    for one in (it, plain):
        one.until("s.frame.step === 30 && s.samples && s.explained")
        one.page.locator("[data-sample='0']").click()
        one.page.locator(".bar.chosen").wait_for()
    marks = (".cursor", ".legend i", ".figure i.strong", ".bar i", ".cumulative span.chosen")
    for mark in marks:
        colours = it.page.evaluate(COLOURS, mark)
        assert colours
        assert colours == plain.page.evaluate(COLOURS, mark)
    for frame in ("dialog[open]", ".play"):
        style = it.page.locator(frame).evaluate("e => getComputedStyle(e).borderTopStyle")
        assert style == "solid"
