"""A link for a class: it hides parts, shows a question as text, and stays in the address."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, quote, urlsplit

from tests.e2e.conftest import SMALL, Opener, needs_server
from tests.support.looks import accessibility
from tests.support.serving import Served, serving

SCRIPT = '<img src=x onerror="window.harmed = 1"><script>window.harmed = 1</script>'


def test_it_hides_what_it_names_and_shows_its_question_as_plain_text(tab: Opener) -> None:
    it = tab(f"{SMALL}&step=5&hide=set-up,log,nonsense,pace,loss&ask={quote(SCRIPT)}")
    it.until("s.samples")
    assert it.shown("question") == SCRIPT
    assert it.page.evaluate("() => window.harmed") is None
    for name in ("Set-up", "Log"):
        assert it.page.get_by_role("region", name=name, exact=True).count() == 0
    for name in ("Reset", "New seed"):
        assert it.page.get_by_role("button", name=name).count() == 0
    assert it.page.locator("#loss canvas").count() == 0
    assert it.page.get_by_role("region", name="The machine").is_visible()
    assert it.state("lesson.hide") == ["set-up", "log", "loss", "pace"]
    assert not it.faults


def test_its_question_has_a_limited_length(tab: Opener) -> None:
    it = tab(f"{SMALL}&step=5&ask={'é' * 400}")
    assert it.shown("question") == "é" * 300


def test_the_address_keeps_it_while_the_run_continues(tab: Opener) -> None:
    it = tab(f"{SMALL}&step=5&hide=log&ask=Why%3F&story=3")
    it.stands_at(5)
    it.page.keyboard.press("ArrowRight")
    it.page.wait_for_url(re.compile("step=6"))
    pairs = parse_qs(urlsplit(it.page.url).fragment)
    assert (pairs["hide"], pairs["ask"], pairs["story"]) == (["log"], ["Why?"], ["3"])
    it.page.reload()
    it.stands_at(6)
    assert it.shown("question") == "Why?"


def test_a_link_made_here_opens_the_same_elsewhere(tab: Opener) -> None:
    it = tab(f"{SMALL}&step=9&story=5&at=wte[1,2]")
    it.stands_at(9)
    dialog = class_link(it.page)
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


def class_link(page: Any) -> Any:
    """Open the dialog that makes a link."""
    page.get_by_role("button", name="Save", exact=True).click()
    page.get_by_role("button", name="A link for a class").click()
    return page.get_by_role("dialog", name="A link for a class")


@needs_server
def test_it_contains_the_token(served: Served, browser: Any, names_file: Path) -> None:
    with serving("--host", "0.0.0.0", data=names_file) as server:
        here = f"http://127.0.0.1:{server.port}/"
        teacher, pupil = browser.new_context(), browser.new_context()
        page = teacher.new_page()
        page.goto(f"{here}?token={server.token}#{SMALL}&step=4")
        page.wait_for_function("() => window.glass?.state().frame?.step === 4")
        field = class_link(page).locator('[data-shown="class-link"]')
        page.wait_for_function(
            "(token) => document.querySelector('[data-shown=class-link]').value.includes(token)",
            arg=server.token,
        )
        link = urlsplit(field.input_value())
        other = pupil.new_page()
        other.goto(f"{here}?{link.query}#{link.fragment}")  # a name of this machine may not resolve
        other.wait_for_function("() => window.glass?.state().frame?.step === 4")
        teacher.close()
        pupil.close()
    assert served.process.poll() is None


def test_it_warns_if_only_this_computer_can_reach_the_server(tab: Opener) -> None:
    it = tab(f"{SMALL}&step=4")
    it.stands_at(4)
    assert class_link(it.page).get_by_text("Only this computer can open it").is_visible()


def test_it_names_the_file_it_needs_if_the_text_is_too_large(tab: Opener) -> None:
    it = tab(f"{SMALL}&step=0")
    text = "\n".join(f"{i * i * 7919 % 10**9:x}" for i in range(9000))  # more than a link holds
    it.page.locator('main input[type="file"]').set_input_files(
        {"name": "big.txt", "mimeType": "text/plain", "buffer": text.encode()}
    )
    it.until("s.considered")
    it.page.get_by_role("button", name="Begin new run").click()
    it.until("s.hello.data_name === 'big.txt'")
    dialog = class_link(it.page)
    needed = dialog.locator("[data-shown=file-beside]")
    assert "give the class that file as well." in needed.inner_text()
    dialog.get_by_role("checkbox", name="set-up").uncheck()
    assert "and let them see set-up" in needed.inner_text()
    it.page.keyboard.press("Escape")
    it.page.get_by_role("button", name="Copy link").click()
    it.told("The link does not hold the text of big.txt")


def test_the_dialog_fits_a_phone(tab: Opener) -> None:
    it = tab(f"{SMALL}&step=9", viewport={"width": 390, "height": 844}, color_scheme="dark")
    it.stands_at(9)
    box = class_link(it.page).bounding_box()
    assert box["x"] >= 0
    assert box["x"] + box["width"] <= 390
    assert it.page.evaluate("() => document.documentElement.scrollWidth") <= 390
    faults = accessibility(it)
    assert not faults, "\n".join(faults)
