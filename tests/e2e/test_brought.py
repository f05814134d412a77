"""Files that are dropped, saved runs that are opened again, faulty links, keys after a click."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.e2e.conftest import SMALL, Opener, Tab, exactly, straight
from tests.support.actions import drop

DROPPED = """([text, onto]) => {
  const dataTransfer = new DataTransfer();
  if (text !== null) dataTransfer.setData("text/plain", text);
  const spot = document.querySelector(onto);
  const events = ["dragover", "drop"].map(
    (kind) => new DragEvent(kind, { dataTransfer, bubbles: true, cancelable: true }));
  events.forEach((event) => spot.dispatchEvent(event));
  return events.map((event) => event.defaultPrevented);
}"""


def saved(it: Tab, label: str) -> Any:
    it.page.get_by_role("button", name="Save", exact=True).click()
    with it.page.expect_download() as download:
        it.page.get_by_role("button", name=label).click()
    return download.value


@pytest.fixture(scope="module")
def it(tabs: Opener) -> Tab:
    opened = tabs(f"{SMALL}&step=30")
    opened.stands_at(30)
    return opened


def test_a_saved_checkpoint_is_opened_as_a_second_run_and_continues_with_the_same_losses(
    it: Tab, names_file: Path
) -> None:
    download = saved(it, "Checkpoint, to go on from")
    assert download.suggested_filename == "glassgpt-seed3-step30.safetensors"
    with it.page.expect_file_chooser() as chooser:
        it.page.get_by_role("button", name="Open", exact=True).click()
    chooser.value.set_files(download.path())
    it.until("s.hello.begin === 30 && s.branches?.branches.length === 2")
    it.page.get_by_role("button", name="To the end").click()
    it.stands_at(120)
    told = it.page.evaluate("() => [...window.glass.state().losses.data.slice(30, 120)]")
    assert told == exactly([record.loss for record in straight(names_file, 30).run(90)])
    assert it.page.get_by_text("opened at step 30").count() == 1
    assert not it.faults


def test_a_text_dropped_anywhere_is_accepted_and_a_dragged_word_changes_nothing(
    it: Tab,
) -> None:
    before = it.page.url
    assert it.page.evaluate(DROPPED, ["emma", "#machine"]) == [True, True]
    assert it.page.evaluate(DROPPED, ["emma", "#loss canvas"]) == [True, True]
    assert it.page.evaluate(DROPPED, ["emma", "#held"]) == [False, False]  # a field may take it
    assert it.page.url == before
    assert it.state("considered") is None
    drop(it, b"anna\nbob\n", onto="#machine")
    it.until("s.considered?.documents === 2")
    drop(it, b"\x10\0\0\0\0\0\0\0{" + b"x" * 40, "broken.safetensors", onto="#log")
    it.told("broken.safetensors")
    it.page.get_by_role("button", name="Cancel").click()


def test_one_bad_value_keeps_the_rest_of_a_link_and_its_address(tab: Opener) -> None:
    it = tab(f"{SMALL}&learning_rate=0,03&step=5&at=value:wte[0,1]")
    it.stands_at(5)
    it.told("learning_rate='0,03'")
    assert (it.state("hello.config.n_embd"), it.state("selected.name")) == (8, "wte")
    assert "learning_rate=0,03&step=5" in it.page.url
    it.page.get_by_role("radio", name="gradients").check()
    it.page.wait_for_url("**show=grad**")
    assert "0,03" not in it.page.url


def test_a_number_that_the_model_does_not_have_is_reported_as_missing(tab: Opener) -> None:
    it = tab(f"{SMALL}&step=5&at=value:wte[99,1]")
    it.stands_at(5)
    words = it.page.locator('[data-shown="no-such-number"]')
    words.get_by_text("rows 0 to").wait_for()
    assert "Hold a longer one" not in it.page.locator("section:has(#selected)").inner_text()


def test_space_after_a_click_plays_and_presses_nothing_again(tab: Opener) -> None:
    it = tab(f"{SMALL}&step=5")
    it.stands_at(5)
    for name in ("1", "1k"):
        it.page.get_by_role("radio", name=name, exact=True).locator("..").click()
    it.page.keyboard.press("Home")
    it.stands_at(0)
    it.page.locator("[role=slider][aria-label='Position in the run']").click()
    it.until("s.frame.step > 0 && !s.frame.busy")
    it.page.get_by_role("button", name="New seed").click()
    it.until("s.hello.config.seed !== 3 && s.frame.step > 0")
    seed = it.state("hello.config.seed")
    it.page.get_by_role("radio", name="1", exact=True).locator("..").click()
    it.page.keyboard.press("End")
    it.stands_at(120)
    it.page.keyboard.press("ArrowLeft")
    it.stands_at(119)
    it.page.get_by_role("button", name="Reset").click()
    it.stands_at(0)
    it.page.keyboard.press("Space")
    it.until("s.frame.playing || s.frame.step > 0")
    assert it.state("hello.config.seed") == seed


def test_a_field_changes_the_run_only_with_enter_and_by_a_fitting_step(tab: Opener) -> None:
    it = tab(f"{SMALL}&step=5")
    it.stands_at(5)
    box = it.page.locator('input[name="learning_rate"]')
    box.focus()
    it.page.mouse.wheel(0, 50)
    it.page.keyboard.press("ArrowUp")
    assert box.input_value() == "0.011"
    assert it.state("hello.config.learning_rate") == 0.01
    it.page.keyboard.press("Escape")
    assert box.input_value() == "0.01"
    box.fill("0,03")
    box.press("Enter")
    it.until("s.hello.config.learning_rate === 0.03")
    size = it.page.locator('input[name="n_embd"]')
    size.fill("16")  # still in the field: the count is that of the new model
    it.page.locator(".new").get_by_text("parameters").wait_for()
    it.until("s.considered?.config.n_embd === 16")
    assert size.evaluate("e => e === document.activeElement")


def test_an_ablated_part_is_marked_and_can_be_restored(tab: Opener) -> None:
    it = tab(f"{SMALL}&step=5&at=value:layer0.attn_wo[0,1]")
    it.stands_at(5)
    off = it.page.get_by_role("button", name="switch off head 0")
    weight = it.state("arrays.get('value:layer0.attn_wo').data[1]")
    off.click()
    on = it.page.get_by_role("button", name="switch head 0 on again")
    on.wait_for()
    assert on.get_attribute("aria-pressed") == "true"
    it.until("s.arrays.get('value:layer0.attn_wo').data[1] === 0")
    on.click()
    off.wait_for()
    it.until(f"s.arrays.get('value:layer0.attn_wo').data[1] === {weight!r}")
