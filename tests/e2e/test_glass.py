"""The inspector in a real browser: a number is explained correctly, and leads to others."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from glassgpt.analysis.explain import explain, gradient_check, pass_through
from glassgpt.arrays import shape
from glassgpt.engines import create
from tests.e2e.conftest import SITE, SMALL, Opener, Tab, straight
from tests.support.actions import select

ROUNDING = 1e-12 if SITE else 1e-15
STEP = 30


@pytest.fixture(scope="module")
def opened(tabs: Opener) -> Tab:
    it = tabs(f"{SMALL}&step={STEP}")
    it.stands_at(STEP)
    return it


@pytest.fixture(scope="module")
def passed(names_file: Path):
    run = straight(names_file, STEP)
    engine = create("fast", run.config, run.tokenizer.vocab_size)
    tokens = run.tokens(run.document(STEP))
    return engine, pass_through(engine, run.config, run.tokenizer, STEP, run.engine.state(), tokens)


def amounts(it: Tab, breakdown: str) -> list[float]:
    rows = it.page.locator(f"[data-breakdown={breakdown}] [data-amount]")
    return [float(row.get_attribute("data-amount")) for row in rows.all()]


def test_numbers_picked_at_random_are_explained_as_the_engine_explains_them(
    opened: Tab, passed
) -> None:
    _, p = passed
    rng = random.Random(5)
    for name in rng.sample(sorted(p.values), 14):
        address = f"value:{name}"
        if shape(p.values[name]):
            address += f"[{','.join(str(rng.randrange(n)) for n in shape(p.values[name]))}]"
        select(opened, address)
        told = explain(p, address)
        for breakdown, of in (("value", told.value), ("grad", told.gradient)):
            shown = amounts(opened, breakdown)
            assert shown == pytest.approx([t.amount for t in of.terms][: len(shown)], abs=ROUNDING)
            assert len(shown) == min(8, len(of.terms)) or len(of.terms) == 1
        assert opened.page.locator(".opened .formula").first.inner_text() == told.value.formula
    assert opened.faults == []


def test_a_weight_shows_its_next_update_and_a_slope_that_agrees(opened: Tab, passed) -> None:
    engine, p = passed
    select(opened, "value:layer0.mlp_fc1[3,2]")
    update = explain(p, "layer0.mlp_fc1[3,2]").update
    assert update is not None
    check = gradient_check(engine, p, p.address("layer0.mlp_fc1[3,2]"))
    assert float(opened.shown("new-weight").replace("−", "-")) == pytest.approx(
        update.new_weight, abs=5e-7
    )
    for which, wanted in (
        ("check-slope", check.slope),
        ("check-grad", check.grad),
    ):
        assert float(opened.shown(which).replace("−", "-")) == pytest.approx(wanted, rel=1e-3)


OVERFLOWING = """() => {
    const panel = document.querySelector("#selected").closest("section");
    return [panel, ...panel.querySelectorAll("*")]
        .filter((e) => e.clientWidth && e.scrollWidth > e.clientWidth)
        .map((e) => `${e.tagName} ${e.textContent}`);
}"""


@pytest.mark.parametrize("width", [390, 1280, 1920])
@pytest.mark.parametrize("address", ["layer0.mlp_fc2[3,5]", "lm_head[2,1]", "layer0.attn.q[1,6]"])
def test_the_panel_holds_every_number_of_it(tab: Opener, width: int, address: str) -> None:
    it = tab(f"{SMALL}&step={STEP}&at={address}", viewport={"width": width, "height": 900})
    it.until(f"s.explained?.event.step === {STEP} && !s.frame.busy")
    it.page.wait_for_function("() => document.fonts.status === 'loaded'")
    assert it.page.evaluate(OVERFLOWING) == []


def test_one_walks_from_the_loss_to_a_weight_and_back(opened: Tab) -> None:
    page = opened.page
    select(opened, "value:loss")
    seen = ["value:loss"]
    for _ in range(40):
        doors = page.locator("[data-breakdown=value] .doors button")
        if not doors.count():
            break
        doors.last.click()
        opened.until("s.explained?.event.address === window.glass.asked()")
        seen.append(opened.state("explained.event.address"))
    assert opened.state("explained.event.explanation.update") is not None, seen
    assert opened.state("trail.length") >= len(seen) - 1 > 3
    for address in reversed(seen[:-1]):
        page.get_by_role("button", name="← back").click()
        opened.until(f"s.explained?.event.address === {address!r}")
    assert seen[0] == "value:loss"


def test_a_click_on_a_cell_opens_that_very_number(opened: Tab) -> None:
    figure = opened.page.locator('canvas[data-figure="value:layer0.mlp_fc1"]').first
    figure.scroll_into_view_if_needed()
    figure.click(position={"x": 7, "y": 9})
    opened.until("s.explained?.event.address === window.glass.asked()")
    address = opened.state("explained.event.address")
    assert address.startswith("value:layer0.mlp_fc1[")
    drawn = opened.page.evaluate("(address) => window.glass.drawn(address).value", address)
    number = opened.state("explained.event.explanation.value.number")
    assert float(drawn) == number


def test_the_graph_is_entered_at_a_number_and_walked_to_the_loss(opened: Tab, passed) -> None:
    _, p = passed
    select(opened, "value:layer0.attn.v[1,2]")
    opened.page.get_by_role("button", name="find it among the nodes of this loss").click()
    opened.until("s.neighbours?.node.names.includes('value:layer0.attn.v[1,2]')")
    node = opened.state("neighbours.node")
    assert node["data"] == pytest.approx(p.values["layer0.attn.v"][1, 2], abs=1e-13)
    assert node["grad"] == pytest.approx(p.grads["layer0.attn.v"][1, 2], abs=1e-13)
    path = opened.state("neighbours.path")
    assert path[0]["names"] == ["value:loss"]
    assert path[-1]["number"] == node["number"]
    for _ in range(len(path) - 1):  # upwards: every parent's number is smaller
        before = opened.state("neighbours.node.number")
        opened.page.locator("[data-neighbours=parents] button").first.click()
        opened.until(f"s.neighbours.node.number < {before}")
        if opened.state("neighbours.node.number") == 0:
            break
    parents = opened.state("neighbours.parents")
    assert opened.state("neighbours.node.names") == ["value:loss"] or parents
    assert opened.faults == []


def test_a_number_that_the_loss_does_not_depend_on_is_reported_next_to_the_button(
    opened: Tab, names_file: Path
) -> None:
    run = straight(names_file, STEP)
    used = run.tokens(run.document(STEP))
    unused = next(t for t in range(run.tokenizer.bos) if t not in used)
    select(opened, f"value:wte[{unused},0]")
    opened.page.get_by_role("button", name="find it among the nodes of this loss").click()
    told = opened.page.get_by_role("region", name="Selected").get_by_role("alert")
    told.get_by_text("the loss of this document does not depend on").wait_for()
    assert opened.page.locator(".notices p").count() == 0
    select(opened, f"value:wte[{used[1]},0]")
    assert told.count() == 0  # it was about another number
    opened.page.get_by_role("button", name="find it among the nodes of this loss").click()
    opened.until("s.neighbours?.node.names.some((name) => name.startsWith('value:wte'))")
    assert opened.state("refused") is None


def test_the_scalar_engine_compared_with_the_fast_one_differs_by_rounding_only(opened: Tab) -> None:
    opened.page.get_by_role("button", name="steps with both engines").click()
    opened.until("s.verified && s.verified.step === s.verified.steps", 60)
    gaps = {gap["quantity"]: gap for gap in opened.state("verified.gaps")}
    assert set(gaps) >= {"losses", "weights", "gradients", "samples"}
    assert 0 < gaps["weights"]["largest"] < 1e-10
    assert gaps["samples"]["largest"] == 0
    assert "no difference beyond rounding" in opened.shown("verified")
