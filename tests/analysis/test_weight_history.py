"""The history of a weight: its value at every position, computed in short slices."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from glassgpt import Config, Session
from glassgpt.analysis import weight_history as past
from glassgpt.analysis.weight_history import WeightHistory
from glassgpt.engines import default_engine
from glassgpt.training.history import History
from glassgpt.training.interventions import (
    Ablate,
    Edit,
    Intervention,
    Interventions,
    StopAblating,
    Tune,
)

DOCUMENTS = ["ab", "ba", "abba", "baab", "aab"]
SMALL = Config(n_embd=4, n_head=2, block_size=4, num_steps=40)
EVERYTHING = (
    Intervention(3, Ablate("head", 0, 1, hold=True)),
    Intervention(9, Edit("layer0.attn_wo", 1, 2, 2.0)),
    Intervention(9, Edit("wte", 1, 2, -1.0)),
    Intervention(14, Tune((("learning_rate", 0.05),))),
    Intervention(20, StopAblating("head", 0, 1)),
)
WEIGHTS = [("wte", (1, 2)), ("layer0.attn_wo", (1, 2)), ("layer0.mlp_fc2", (3, 15))]
fast = pytest.mark.skipif(default_engine()[0] != "fast", reason="the kernel is not built")


def lived(recipe: Interventions, steps: int, engine: str = "") -> History:
    history = History(Session(SMALL, DOCUMENTS, engine=engine))
    if recipe:
        history = history.forked(history.first, recipe)
    history.advance(steps)
    return history


def straight(recipe: Interventions, steps: int, name: str, index: tuple[int, ...]) -> list[float]:
    """Return the weight at every position of a run that is never interrupted."""
    session = Session(SMALL, DOCUMENTS)
    values = []
    for step in range(steps + 1):
        if step:
            session.run(1)
        for done in recipe:
            if done.step == step:
                session.apply(done.change)
        values.append(session.engine.state().params[name][index])
    return values


@fast
@given(
    st.sets(st.sampled_from(EVERYTHING)),
    st.sampled_from(WEIGHTS),
    st.integers(0, 30),
    st.integers(0, 10),
    st.integers(0, 40),
)
def test_it_is_the_weight_after_each_step_of_an_uninterrupted_run(
    chosen: set[Intervention], where: tuple[str, tuple[int, int]], first: int, more: int, back: int
) -> None:
    recipe = tuple(done for done in EVERYTHING if done in chosen)
    if not any(isinstance(done.change, Ablate) for done in recipe):
        recipe = tuple(done for done in recipe if not isinstance(done.change, StopAblating))
    history = lived(recipe, first)
    found = WeightHistory(history, *where)
    while not found.done:
        found.go_on(0.0)
    history.advance(more)  # the run continues, and the history grows
    history.approach(min(back, history.reached))
    found.go_on()
    steps, values = found.told()
    assert list(steps) == list(range(first + more + 1))
    assert list(values) == straight(recipe, first + more, *where)
    assert found.every == 1


def test_with_the_scalar_engine_it_has_the_snapshots_only() -> None:
    found = WeightHistory(lived((), 25, "scalar"), "wte", (1, 2))
    assert found.done
    steps, values = found.told()
    known = lived((), 25, "scalar")
    assert (list(steps), found.every) == ([0, 10, 20], 10)
    for step, value in zip(steps, values, strict=True):
        known.approach(step)
        known.advance(step - known.session.step)
        assert value == known.session.engine.weight("wte", (1, 2))


@fast
def test_for_a_run_that_became_long_it_has_the_snapshots_only(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(past, "MOST_STEPS", 25)
    history = lived((), 25)
    found = WeightHistory(history, "wte", (1, 2))
    found.go_on()
    assert found.every == 1
    assert len(found.told()[0]) == 26
    history.advance(10)
    assert found.done
    assert (list(found.told()[0]), found.every) == ([0, 10, 20, 30], 10)
