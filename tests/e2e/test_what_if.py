"""Previews, the seed band, and the attribution of a probability, on the real page."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest

from glassgpt import Session, read_documents
from tests.e2e.conftest import SMALL, Opener, Tab, exactly, straight
from tests.support.actions import WHAT_IF, drag, select


@pytest.fixture
def stood(tab: Opener) -> Tab:
    it = tab(f"{SMALL}&step=60")
    it.stands_at(60)
    return it


def test_dragging_draws_the_preview_and_release_makes_it_the_run(
    stood: Tab, names_file: Path
) -> None:
    before = stood.state("losses.data[50]")
    drag(stood, 0.9)
    stood.until("s.preview?.event.done")
    config = stood.state("preview.event.config")
    other = replace(straight(names_file, 0).config, learning_rate=config["learning_rate"])
    assert other.learning_rate > 0.02
    wanted = Session(other, read_documents(names_file)).run()
    preview = stood.page.evaluate(
        "() => { const { data, length } = window.glass.state().preview.losses;"
        " return [...data.subarray(0, length)]; }"
    )
    assert preview == exactly(list(wanted.losses))
    assert stood.state("losses.data[50]") == before  # the run itself is as it was
    stood.page.locator(WHAT_IF).dispatch_event("change")
    stood.until("s.branches?.branches.length === 2 && s.frame.step === 60 && !s.frame.busy")
    assert stood.state("losses.data[50]") == exactly(wanted.losses[50])
    stood.page.locator("[data-branch='1'] .name").click()
    stood.until("s.branches?.current === 1 && s.frame.step === 60 && !s.frame.busy")
    assert stood.state("losses.data[50]") == before
    assert stood.faults == []


def test_the_newest_preview_is_shown_last_however_fast_one_drags(stood: Tab) -> None:
    for way in (0.1, 0.3, 0.5, 0.7, 0.8):
        drag(stood, way)
    shown = float(stood.shown("wish"))
    stood.until(f"s.preview?.event.done && s.preview.event.config.learning_rate === {shown}")
    assert stood.faults == []


def test_the_spread_over_other_seeds_is_a_band_and_can_be_removed(stood: Tab) -> None:
    stood.page.get_by_role("button", name="show the spread").click()
    stood.until("s.band?.event.finished === 20")
    low, median, high = (
        stood.page.evaluate(f"() => [...window.glass.state().band.arrays.get('{name}').data]")
        for name in ("low", "median", "high")
    )
    assert len(low) > 20
    assert all(a <= b <= c for a, b, c in zip(low, median, high, strict=True))
    stood.page.get_by_role("button", name="hide the spread").click()
    stood.until("!s.band")
    assert stood.faults == []


def test_a_probability_shows_the_steps_that_moved_it(stood: Tab) -> None:
    token = stood.state("frame.tokens")[1]
    select(stood, f"value:probs[0,{token}]")
    stood.page.get_by_role("button", name="take every step again").click()
    stood.until("s.attribution?.done")
    curve = stood.page.evaluate("() => [...window.glass.state().curve]")
    moves = [(one["step"], one["change"]) for one in stood.state("attribution.moves")]
    assert len(curve) == 61
    for step, change in moves:
        assert curve[step] - curve[step - 1] == pytest.approx(change, abs=1e-12)
    assert abs(moves[0][1]) == pytest.approx(max(abs(b - a) for a, b in pairwise(curve)), abs=1e-12)
    now = stood.page.evaluate(f"() => window.glass.drawn('value:probs[0,{token}]').value")
    assert pytest.approx(float(now), rel=1e-9) == pow(2.718281828459045, curve[-1])
    assert stood.faults == []


def test_a_band_and_a_verification_can_be_stopped_and_begun_again(tab: Opener) -> None:
    it = tab("num_steps=40000&step=10")  # twenty of them take seconds
    it.stands_at(10)
    for _ in range(2):
        it.page.get_by_role("button", name="show the spread").click()
        it.until("s.band && s.band.event.finished < 20")
        it.page.get_by_role("button", name="hide the spread").click()
        it.until("!s.band")
    for _ in range(2):
        it.page.get_by_role("button", name="steps with both engines").click()
        it.until("s.verified?.running")
        it.page.get_by_role("button", name="stop", exact=True).click()
        it.until("s.verified && !s.verified.running && s.verified.step < 200")
        assert it.shown("verified").startswith("stopped at step")
    assert not it.state("band")
    assert not it.faults
