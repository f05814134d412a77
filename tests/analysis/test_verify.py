"""`glassgpt verify`: it finds what differs and where, and compares engines with the record."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from glassgpt import Config, Session, builtin_names
from glassgpt.analysis.verify import Gap, Record, Verification, is_recorded, record
from glassgpt.arrays import array, numbers
from glassgpt.model import parameters as params
from glassgpt.model.state import State
from glassgpt.training.recipe import Recipe
from tests.conftest import Reference
from tests.support.command import TINY, glassgpt

SMALL = Config(n_embd=4, n_head=2, block_size=6, num_steps=12)


def quantities(run: Verification) -> set[tuple[str, str, str]]:
    return {(gap.quantity, gap.one, gap.other) for gap in run.gaps}


def test_the_engines_differ_by_rounding_only() -> None:
    run = Verification(Recipe(SMALL), builtin_names(), "fast")
    run.advance(10)
    run.advance(100)
    assert run.step == run.steps == 12
    assert run.holds
    found = {gap.quantity: gap for gap in run.gaps}
    assert found["losses"].compared == 12
    assert found["samples"].compared == 20
    assert found["weights"].compared == 2 * params.count(SMALL, 27)
    assert 0 < found["gradients"].largest < 1e-12


def test_a_weight_that_was_changed_is_found_and_named() -> None:
    session = Session(SMALL, builtin_names())
    session.run(4)
    state = session.engine.state()
    changed = numbers(state.params["layer0.attn_wq"])
    changed[6] += 1e-9
    params = {**state.params, "layer0.attn_wq": array(changed, (4, 4))}
    run = Verification(Recipe(SMALL), builtin_names(), "fast", steps=4)
    run.advance(4)
    run.compare_kept(state, "mine")
    assert run.holds
    run.compare_kept(State(params, state.m, state.v), "yours")
    assert not run.holds
    (gap,) = (gap for gap in run.gaps if not gap.holds)
    assert (gap.one, gap.where) == ("yours", "layer0.attn_wq[1,2]")
    assert gap.largest == pytest.approx(1e-9, rel=1e-6)


def test_nan_is_the_largest_difference() -> None:
    pairs = [("here", math.nan, 1.0), ("there", 2.0, 1.0), ("alike", -math.inf, -math.inf)]
    gap = Gap("losses", "a", "b").widened(iter(pairs))
    assert math.isnan(gap.largest)
    assert (gap.where, gap.compared, gap.holds) == ("here", 3, False)


def test_the_record_is_that_of_the_recorded_run(reference: Reference) -> None:
    assert list(record().losses) == reference.losses
    assert list(record().samples) == reference.samples
    assert is_recorded(Config(), reference.documents)
    assert not is_recorded(Config(seed=1), reference.documents)
    assert not is_recorded(Config(), builtin_names())


def test_with_the_settings_of_the_record_the_scalar_engine_is_compared_with_it(
    reference: Reference, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = Verification(Recipe(), reference.documents, "fast", steps=3)
    run.advance(3)
    found = {(gap.quantity, gap.other): gap for gap in run.gaps}
    assert found["losses", "microgpt.py"].compared == 3
    assert found["losses", "microgpt.py"].largest == 0
    losses = (*record().losses[:2], record().losses[2] + 1e-6, *record().losses[3:])
    forged = Record(record().data_sha256, losses, record().samples)
    monkeypatch.setattr("glassgpt.analysis.verify.record", lambda: forged)
    run = Verification(Recipe(), reference.documents, "scalar", steps=3)
    run.advance(3)
    (gap,) = (gap for gap in run.gaps if not gap.holds)
    assert gap.where == "step 3"


def test_the_command_prints_a_row_for_each_quantity_and_verifies_a_saved_run(
    tmp_path: Path,
) -> None:
    glassgpt("train", *TINY, "--samples", "0", "--out", tmp_path / "run")
    out, _ = glassgpt("verify", tmp_path / "run")
    assert f"weights, {tmp_path / 'run'} and scalar" in out
    assert "samples, fast and scalar" in out
    assert "DIFFERENT" not in out
    _, told = glassgpt("verify", tmp_path / "run", "--seed", "3", check=1)
    assert "a saved run has its own settings, so --seed cannot be given" in told


def test_the_changed_settings_of_a_saved_run_are_applied_again(tmp_path: Path) -> None:
    glassgpt("train", *TINY, "--samples", "0", "--out", tmp_path)
    glassgpt("train", "--resume", tmp_path, "--out", tmp_path, "--steps", "30", "--samples", "0")
    out, _ = glassgpt("verify", tmp_path)
    assert "DIFFERENT" not in out
