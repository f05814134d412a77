"""Previews: a preview run equals the run, and a seed band is the spread of many."""

from __future__ import annotations

import statistics
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from glassgpt import Config, Session
from glassgpt.analysis.preview import MAX_SEEDS, Band, PreviewRun, smoothed
from glassgpt.errors import ConfigError
from glassgpt.training.history import History
from glassgpt.training.interventions import Ablate, Edit, Intervention, Interventions, Tune
from glassgpt.training.recipe import Recipe

DOCUMENTS = ["ab", "ba", "abba", "baab", "aab"]
SMALL = Config(n_embd=4, n_head=2, block_size=4, num_steps=120)
RECIPE: Interventions = (
    Intervention(0, Edit("wte", 0, 0, 0.5)),
    Intervention(30, Ablate("head", 0, 1, hold=True)),
    Intervention(120, Tune((("num_steps", 150),))),
)


def lived(recipe: Interventions) -> list[float]:
    history = History(Session(SMALL, DOCUMENTS))
    history = history.forked(history.first, recipe)
    history.advance(history.config.num_steps)
    return list(history.losses)


@pytest.mark.parametrize("recipe", [(), RECIPE])
def test_a_preview_run_in_slices_equals_the_run(recipe: Interventions) -> None:
    run = PreviewRun(Recipe(SMALL, interventions=recipe), DOCUMENTS)
    while not run.done:
        run.go_on(0.0001)
    assert list(run.losses) == lived(recipe)


def test_a_clock_that_measures_no_time_is_no_obstacle(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("time.perf_counter", lambda: 100.0)  # a browser's has grains of 0.1 ms
    run = PreviewRun(Recipe(SMALL), DOCUMENTS)
    run.go_on()
    assert list(run.losses) == lived(())


def test_a_preview_run_that_diverges_ends_with_the_reason() -> None:
    run = PreviewRun(Recipe(replace(SMALL, learning_rate=10, init_std=10)), DOCUMENTS)
    run.go_on()
    assert run.done
    assert "training stopped at step" in run.stopped
    assert len(run.losses) == run.session.step < 120


@given(st.lists(st.floats(0, 9), max_size=250))
def test_smoothing_is_the_mean_of_the_last_hundred(losses: list[float]) -> None:
    positions = [p for p in (1, 50, 100, 101, 250) if p <= len(losses)]
    means = [statistics.fmean(losses[max(0, p - 100) : p]) for p in positions]
    assert smoothed(losses, positions) == pytest.approx(means, abs=1e-12)
    beyond = smoothed(losses, [len(losses) + 1])
    assert beyond[0] != beyond[0]


def test_a_band_is_the_spread_of_other_seeds() -> None:
    band = Band(Recipe(SMALL), DOCUMENTS, 11)
    while not band.done:
        band.go_on(0.001)
    runs = [Session(replace(SMALL, seed=43 + i), DOCUMENTS).run().losses for i in range(11)]
    at = [smoothed(losses, [60])[0] for losses in runs]
    low, median, high = (column[band.positions.index(60)] for column in band.spread())
    assert (low, median, high) == (sorted(at)[1], statistics.median(at), sorted(at)[9])


def test_seeds_that_stop_leave_the_band_to_the_others() -> None:
    band = Band(Recipe(replace(SMALL, learning_rate=10, init_std=10)), DOCUMENTS, 2)
    band.go_on()
    low, _, high = band.spread()
    assert len(low) == len(high) == len(band.positions)
    assert low[-1] != low[-1]


@pytest.mark.parametrize(("seeds", "steps"), [(0, 10), (MAX_SEEDS + 1, 10), (3, 1_000_000)])
def test_a_seed_band_above_the_limit_is_refused(seeds: int, steps: int) -> None:
    with pytest.raises(ConfigError, match="choose 1 to"):
        Band(Recipe(replace(SMALL, num_steps=steps)), DOCUMENTS, seeds)
