"""Branches on the page: a change forks the run, both futures are shown, and it can be undone."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import expect

from glassgpt.arrays import numbers
from glassgpt.training.interventions import Ablate, Edit
from tests.e2e.conftest import SMALL, Opener, Tab, exactly, straight
from tests.support.actions import select

STEP = 30


@pytest.fixture
def stood(tab: Opener) -> Tab:
    it = tab(f"{SMALL}&step={STEP}")
    it.stands_at(STEP)
    return it


def array(it: Tab, name: str) -> list[float]:
    found: list[float] = it.page.evaluate(
        "(name) => [...window.glass.state().arrays.get(name).data]", name
    )
    return found


def everything(it: Tab) -> dict[str, list[float]]:
    """Every value on the page, once all of them are there."""
    it.until(
        "s.hello.params.concat(s.hello.sites).every(({ name }) => s.arrays.has(`value:${name}`))"
    )
    text: str = it.page.evaluate(
        "() => JSON.stringify(Object.fromEntries([...window.glass.state().arrays]"
        ".filter(([name]) => name.startsWith('value:'))"
        ".map(([name, { data }]) => [name, [...data].map(String)])))"
    )
    found: dict[str, Any] = json.loads(text)
    return found


def forked(it: Tab, branches: int) -> None:
    it.until(f"s.branches?.branches.length === {branches}")


def go(it: Tab, step: int) -> None:
    it.page.evaluate("(step) => window.glass.send({ kind: 'Seek', step })", step)
    it.stands_at(step)


def test_a_weight_that_is_set_moves_the_probabilities_and_undo_is_identical(
    stood: Tab, names_file: Path
) -> None:
    select(stood, "value:layer0.mlp_fc2[3,5]")
    before = everything(stood)
    field = stood.page.get_by_label("Set this weight to", exact=True)
    field.fill("0.75")
    field.press("Tab")
    forked(stood, 2)
    stood.until("s.arrays.get('value:layer0.mlp_fc2').data[3 * 32 + 5] === 0.75")
    run = straight(names_file, STEP)
    run.apply(Edit("layer0.mlp_fc2", 3, 5, 0.75))
    probs = run.engine.forward(run.tokens(run.document(STEP)))["probs"]
    assert array(stood, "value:probs") == exactly(numbers(probs))
    assert array(stood, "value:probs") != [float(x) for x in before["value:probs"]]
    go(stood, STEP + 20)
    assert stood.state("losses.data[49]") == exactly(run.run(20)[19].loss)
    stood.page.get_by_role("button", name="Undo").click()
    stood.until("s.branches.current === 1")
    go(stood, STEP)
    assert everything(stood) == before
    assert stood.faults == []


def test_a_head_is_ablated_kept_at_zero_and_released(stood: Tab, names_file: Path) -> None:
    select(stood, "value:layer0.attn.q[1,6]")  # head 1 of two, four channels each
    stood.page.get_by_label("and keep it off").check()
    stood.page.get_by_role("button", name="switch off head 1").click()
    forked(stood, 2)

    def columns() -> list[float]:
        weights = array(stood, "value:layer0.attn_wo")
        return [weights[8 * row + col] for row in range(8) for col in range(4, 8)]

    go(stood, STEP + 10)
    assert columns() == [0.0] * 32
    run = straight(names_file, STEP)
    run.apply(Ablate("head", 0, 1, hold=True))
    run.run(10)
    assert array(stood, "value:lm_head") == exactly(numbers(run.engine.state().params["lm_head"]))
    stood.until("s.prices.size === 1")
    select(stood, "value:layer0.attn_wo[2,5]")
    assert stood.shown("new-weight") != "0"  # what Adam makes of it
    assert stood.shown("kept-off") == "0"  # before it is set to zero again
    select(stood, "value:layer0.attn_wo[2,3]")
    assert stood.page.locator("[data-shown=kept-off]").count() == 0
    select(stood, "value:layer0.attn.q[1,6]")
    stood.page.get_by_role("button", name="stop ablating").click()
    forked(stood, 3)
    go(stood, STEP + 20)
    assert all(columns())
    assert stood.faults == []


def test_both_futures_are_shown_compared_and_chosen(stood: Tab) -> None:
    go(stood, 60)
    first = stood.state("losses.data[50]")
    go(stood, STEP)
    rate = stood.page.locator("input[name=learning_rate]")
    rate.fill("0.05")
    rate.press("Tab")
    forked(stood, 2)
    go(stood, 60)
    assert stood.state("losses.data[50]") != first
    stood.until("s.others.get(1)?.difference?.step === 60")
    told = stood.shown("parting")
    assert f"first loss that differs is that of step {STEP + 2}" in told, told
    there = stood.page.locator("[aria-label='Samples there'] li").all_inner_texts()
    assert len(there) == 10
    stood.page.locator("[data-branch='1'] .name").click()
    stood.until("s.branches.current === 1 && s.frame.step === 60 && !s.frame.busy")
    assert stood.state("losses.data[50]") == first
    expect(stood.page.locator("[aria-label='Samples here'] li")).to_have_text(there)
    stood.page.get_by_role("button", name="Forget learning_rate").click()
    forked(stood, 1)
    assert stood.page.locator("#futures").count() == 0
    assert stood.faults == []


def test_a_changed_run_is_in_the_link(stood: Tab, tab: Opener) -> None:
    select(stood, "value:wte[2,1]")
    field = stood.page.get_by_label("Set this weight to", exact=True)
    field.fill("-0.5")
    field.press("Tab")
    forked(stood, 2)
    go(stood, STEP + 5)
    stood.until(f"['do=30', 'step={STEP + 5}'].every((part) => location.hash.includes(part))")
    elsewhere = tab(stood.page.evaluate("() => location.hash.slice(1)"))
    elsewhere.stands_at(STEP + 5)
    assert everything(elsewhere) == everything(stood)
