"""A link for a class: what it hides is not there, what it asks is text, the address keeps it."""

from __future__ import annotations

import re
from urllib.parse import parse_qs, quote, urlsplit

from tests.e2e.conftest import SMALL, Opener
from tests.e2e.test_page import accessibility

SCRIPT = '<img src=x onerror="window.harmed = 1"><script>window.harmed = 1</script>'


def test_it_hides_what_it_names_and_asks_in_plain_text(tab: Opener) -> None:
    it = tab(f"{SMALL}&step=5&hide=set-up,log,nonsense,pace,loss&ask={quote(SCRIPT)}")
    it.until("s.samples")
    assert it.shown("question") == SCRIPT
    assert it.page.evaluate("() => window.harmed") is None
    for name in ("Set-up", "Log"):
        assert it.page.get_by_role("region", name=name, exact=True).count() == 0
    for name in ("Reset", "New seed"):
        assert it.page.get_by_role("button", name=name).count() == 0
    assert it.page.locator("canvas[data-curve]").count() == 0
    assert it.page.get_by_role("region", name="The machine").is_visible()
    assert it.state("lesson.hide") == ["set-up", "log", "loss", "pace"]
    assert not it.faults


def test_its_question_is_bounded(tab: Opener) -> None:
    it = tab(f"{SMALL}&step=5&ask={'é' * 400}")
    assert it.shown("question") == "é" * 300


def test_the_address_keeps_it_while_the_run_goes_on(tab: Opener) -> None:
    it = tab(f"{SMALL}&step=5&hide=log&ask=Why%3F&story=3")
    it.stands_at(5)
    it.page.keyboard.press("ArrowRight")
    it.page.wait_for_url(re.compile("step=6"))
    pairs = parse_qs(urlsplit(it.page.url).fragment)
    assert (pairs["hide"], pairs["ask"], pairs["story"]) == (["log"], ["Why?"], ["3"])
    it.page.reload()
    it.stands_at(6)
    assert it.shown("question") == "Why?"


def test_a_link_that_is_made_here_opens_so_elsewhere(tab: Opener) -> None:
    it = tab(f"{SMALL}&step=9&story=5&at=wte[1,2]")
    it.stands_at(9)
    it.page.get_by_role("button", name="Save", exact=True).click()
    it.page.get_by_role("button", name="A link for a class").click()
    dialog = it.page.get_by_role("dialog", name="A link for a class")
    dialog.get_by_label("A question to think about").fill("Why is it blue, & not <b>red</b>?")
    for panel in ("weights", "the gallery of failures"):
        dialog.get_by_role("checkbox", name=panel).uncheck()
    faults = accessibility(it)
    assert not faults, "\n".join(faults)
    link = dialog.locator('[data-shown="class-link"]').input_value()
    it.page.keyboard.press("Escape")
    assert it.page.get_by_role("region", name="Weights").is_visible()
    there = tab(link.split("#")[1])
    there.stands_at(9)
    there.until("s.explained && s.story")
    assert there.shown("question") == "Why is it blue, & not <b>red</b>?"
    assert there.shown("selected") == "wte[1,2]"
    assert there.state("story.at") == 4
    for name in ("Weights", "Failures"):
        assert there.page.get_by_role("region", name=name).count() == 0
    assert not there.faults
    assert not it.faults


def test_the_dialog_fits_a_phone(tab: Opener) -> None:
    it = tab(f"{SMALL}&step=9", viewport={"width": 390, "height": 844}, color_scheme="dark")
    it.stands_at(9)
    it.page.get_by_role("button", name="Save", exact=True).click()
    it.page.get_by_role("button", name="A link for a class").click()
    box = it.page.get_by_role("dialog").bounding_box()
    assert box["x"] >= 0
    assert box["x"] + box["width"] <= 390
    assert it.page.evaluate("() => document.documentElement.scrollWidth") <= 390
    faults = accessibility(it)
    assert not faults, "\n".join(faults)
