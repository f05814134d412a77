"""The gallery of failures: each symptom occurs, and one click leads back to the original run."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from typing import Any

import pytest

from glassgpt.engines import default_engine
from tests.e2e.conftest import Opener, Tab, needs_server

STEPS = 300
LINK = f"seed=42&num_steps={STEPS}&block_size=8&step=200"


@pytest.fixture(scope="module")
def gallery(tabs: Opener) -> Tab:
    if default_engine()[0] != "fast":
        pytest.skip("the scalar engine takes too long for this many runs")
    it = tabs(LINK)
    it.stands_at(200)
    it.until("s.samples?.step === 200 && s.baselines")
    return it


def losses(it: Tab) -> list[float]:
    told: list[float] = it.page.evaluate(
        "() => { const { data, length } = window.glass.state().losses; "
        "return [...data.slice(0, length)]; }"
    )
    return told


def mean(numbers: list[float]) -> float:
    return math.fsum(numbers) / len(numbers)


COMPARED = (
    "() => [...window.glass.state().others.get(window.glass.state().branches.compared).losses]"
)


def array(it: Tab, name: str) -> list[float]:
    it.until(f"s.arrays.has('{name}')")
    told: list[float] = it.page.evaluate(
        "(name) => [...window.glass.state().arrays.get(name).data]", name
    )
    return told


def texts(it: Tab) -> list[str]:
    return [one["text"] for one in it.state("samples.written")]


def leaps_and_breaks(it: Tab) -> None:
    it.until("s.stopped")
    assert max(losses(it)[:10]) > 3 * it.state("baselines.uniform")
    assert it.state("frame.pace") == 10


def hardly_moves(it: Tab) -> None:
    assert mean(losses(it)[-100:]) > mean(losses(it)[:100]) - 0.1


def stays_blind(it: Tab) -> None:
    assert losses(it) == pytest.approx([it.state("baselines.uniform")] * STEPS, abs=1e-12)
    it.page.get_by_role("radio", name="gradients").check()
    for name in ("wte", "wpe", "lm_head", "layer0.attn_wq", "layer0.mlp_fc2"):
        assert set(array(it, f"grad:{name}")) == {0.0}
    it.page.get_by_role("radio", name="values", exact=True).check()


def begins_and_stays_worse_than_blind(it: Tab) -> None:
    blind = it.state("baselines.uniform")
    assert losses(it)[0] > 5 * blind
    assert mean(losses(it)[-100:]) > blind


def has_one_map(it: Tab) -> None:
    it.until("s.arrays.get('value:layer0.attn.weights')?.shape[0] === 1")
    usual = mean(it.page.evaluate(COMPARED)[100:200])
    assert mean(losses(it)[100:200]) < usual + 0.1


def has_only_signs(it: Tab) -> None:
    norms = array(it, "value:norm")
    assert sum(abs(abs(x) - 1) < 0.01 for x in norms) >= 0.8 * len(norms)
    assert it.state("baselines.bigram") < mean(losses(it)[-100:]) < it.state("baselines.uniform")


def writes_single_letters(it: Tab) -> None:
    assert max(map(len, texts(it))) == 1


def knows_no_places(it: Tab) -> None:
    assert set(array(it, "value:wpe")) == {0.0}
    last = {}
    for text in ("maria", "ramia"):
        it.page.evaluate(
            "(text) => window.glass.send({ kind: 'Watch', arrays: ['value:probs'],"
            " document: text })",
            text,
        )
        it.until(f"s.frame.document === '{text}' && s.arrays.has('value:probs')")
        last[text] = array(it, "value:probs")[-27:]
    assert last["maria"] == pytest.approx(last["ramia"], abs=1e-12)
    it.page.evaluate("() => window.glass.send({ kind: 'Watch', arrays: [], document: null })")


def writes_its_document(it: Tab) -> None:
    assert losses(it)[-1] < 0.01
    assert set(texts(it)) == {it.state("frame.document")}


def writes_one_text_or_two(it: Tab) -> None:
    assert len(texts(it)) == 20
    assert len(set(texts(it))) <= 2


def writes_gibberish(it: Tab) -> None:
    size = it.state("hello.characters.length") + 1
    for one in it.state("samples.written"):
        draws = len(one["text"]) + one["ended"]
        assert -math.log(one["probability"]) / draws == pytest.approx(math.log(size), abs=0.15)


SYMPTOMS: dict[str, Callable[[Tab], None]] = {
    "Learning rate 0.3": leaps_and_breaks,
    "Learning rate 0.00001": hardly_moves,
    "All weights zero": stays_blind,
    "First weights far too large": begins_and_stays_worse_than_blind,
    "One head": has_one_map,
    "One channel": has_only_signs,
    "A context of one": writes_single_letters,
    "No position embedding": knows_no_places,
    "A single document": writes_its_document,
    "Temperature 0.01": writes_one_text_or_two,
    "Temperature 100": writes_gibberish,
}


def run_of(it: Tab) -> dict[str, Any]:
    it.until("s.samples?.step === s.frame.step")
    return {
        "config": it.state("hello.config"),
        "data": it.state("hello.data_sha256"),
        "losses": losses(it)[:200],
        "samples": texts(it),
        "step": it.state("frame.step"),
        "pace": it.state("frame.pace"),
        "branches": [branch["number"] for branch in it.state("branches.branches")],
    }


def test_every_failure_of_the_gallery_has_its_symptom_here(gallery: Tab) -> None:
    titles = gallery.page.locator("[data-failure]").evaluate_all(
        "(all) => all.map((one) => one.dataset.failure)"
    )
    assert titles == list(SYMPTOMS)


@pytest.mark.parametrize("title", SYMPTOMS)
def test_a_failure_shows_its_symptom_and_leads_back_to_the_run_before(
    gallery: Tab, title: str
) -> None:
    it, page = gallery, gallery.page
    before = run_of(it)
    page.get_by_role("button", name=f"Show it: {title}", exact=True).click()
    strip = page.get_by_role("complementary", name="Failure on show")
    strip.get_by_text(title).wait_for()
    if title.startswith("Temperature"):
        degrees = float(title.split()[1])
        it.until(f"s.samples.sampling.temperature === {degrees}")
    elif title != "Learning rate 0.3":
        it.until("s.frame.step > 0 && s.frame.step !== 200")
        page.get_by_role("button", name="To the end").click()
        it.stands_at(STEPS)
        it.until(f"s.samples?.step === {STEPS} && s.baselines")
    SYMPTOMS[title](it)
    strip.get_by_role("button", name="Back to the run before").click()
    it.stands_at(200)
    it.until(
        f"s.hello.data_sha256 === '{before['data']}' && s.samples?.sampling.temperature === .5"
    )
    assert run_of(it) == before
    assert strip.count() == 0
    assert not it.faults


@needs_server  # which keeps the run before
def test_the_way_back_survives_a_reload(gallery: Tab) -> None:
    it, page = gallery, gallery.page
    before = run_of(it)
    page.get_by_role("button", name="Show it: A context of one", exact=True).click()
    it.until("s.hello.config.block_size === 1 && s.frame.step > 0")
    page.wait_for_url(re.compile("block_size=1&"))
    page.reload()
    page.get_by_role("button", name="Back to the run before").click()
    it.stands_at(200)
    it.until("s.hello.config.block_size === 8")
    assert run_of(it) == before
    page.reload()
    it.stands_at(200)
    assert page.get_by_role("complementary", name="Failure on show").count() == 0


def test_each_failure_is_a_change_of_the_original_run_whichever_was_shown(gallery: Tab) -> None:
    it, page = gallery, gallery.page
    before = run_of(it)
    for title in ("All weights zero", "A single document"):
        page.get_by_role("button", name=f"Show it: {title}", exact=True).click()
        it.until("s.frame.playing && s.frame.step > 0")
        page.get_by_role("button", name="To the end").click()
        it.stands_at(STEPS)
        it.until(f"s.samples?.step === {STEPS}")
        SYMPTOMS[title](it)
    page.get_by_role("button", name="Show it: Temperature 0.01", exact=True).click()
    it.stands_at(200)
    it.until("s.samples?.step === 200 && s.samples.sampling.temperature === .01")
    assert losses(it)[:200] == before["losses"]
    page.get_by_role("button", name="Back to the run before").click()
    it.until("s.samples?.sampling.temperature === .5")
    assert run_of(it) == before
    assert not it.faults
