"""A run in Python: trained, forked, ablated, linked, shown."""

from __future__ import annotations

import re
from pathlib import Path
from statistics import fmean
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

import glassgpt
from glassgpt import (
    Config,
    DivergenceError,
    GlassError,
    Recipe,
    Run,
    Sampling,
    Session,
    builtin_names,
)
from glassgpt.analysis.curve import TOP, as_svg, smoothed, ticks
from glassgpt.arrays import numbers
from glassgpt.errors import ConfigError
from glassgpt.live.new_run import Source
from glassgpt.live.opening import open_link
from glassgpt.training.interventions import Ablate, Tune
from tests.support.markup import Page

SIZES: dict[str, Any] = {"n_embd": 8, "n_head": 2, "block_size": 8, "seed": 3}
CONFIG = Config(num_steps=60, **SIZES)


def trained(steps: int = 60) -> Run:
    return glassgpt.train(steps=steps, **SIZES)


def bits(run: Run) -> dict[str, list[float]]:
    return {name: numbers(a.values) for name, a in run.model.parameters.items()}


def weights(session: Session) -> dict[str, list[float]]:
    return {name: numbers(a) for name, a in session.engine.state().params.items()}


def test_training_is_that_of_a_session() -> None:
    run, session = trained(), Session(CONFIG, builtin_names())
    assert run.losses == [record.loss for record in session.run()]
    assert bits(run) == weights(session)
    assert (run.step, run.config) == (60, CONFIG)


def test_a_fork_is_an_independent_run() -> None:
    run = trained()
    fork = run.fork(25, learning_rate=0.02, steps=80)
    assert (fork.step, fork.losses) == (25, run.losses[:25])
    fork.train()
    session = Session(CONFIG, builtin_names())
    session.run(25)
    session.apply(Tune((("learning_rate", 0.02), ("num_steps", 80))))
    losses = session.run().losses
    assert fork.losses == [*run.losses[:25], *losses]
    assert bits(fork) == weights(session)
    assert run.step == 60  # it has not moved


def test_an_ablated_part_is_zero_and_stays_so_where_it_is_held() -> None:
    run = trained()
    held = run.ablate(head=(0, 1), step=20).train()
    session = Session(CONFIG, builtin_names())
    session.run(20)
    session.apply(Ablate("head", 0, 1, hold=True))
    session.run()
    assert bits(held) == weights(session)
    repaired = run.ablate(neuron=(0, 3), position=True, step=20, hold=False)
    assert not any(numbers(repaired.model.parameters["wpe"].values))
    assert any(numbers(repaired.train().model.parameters["wpe"].values))


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        (lambda run: run.fork(61), "the run has no step 61"),
        (lambda run: run.fork(n_embd=16), "n_embd cannot change"),
        (lambda run: run.fork(depth=2), "there is no setting 'depth'"),
        (lambda run: run.ablate(), "no part was named"),
        (lambda run: run.ablate(head=(0, 9)), "there is no head 9"),
        (lambda run: run.fork("a"), "step is 'a', but must be a whole number"),
        (lambda run: run.fork(2.5), "step is 2.5"),
        (lambda run: run.fork(True), "step is True"),
        (lambda run: run.fork(3, steps=8, num_steps=9), "num_steps is given twice"),
        (lambda run: run.fork(3, learning_rate="x"), "learning_rate is 'x'"),
        (lambda run: run.ablate(head=2), r"head is 2, but must be \(layer, number\)"),
        (lambda run: run.ablate(head=(0,)), r"head is \(0,\)"),
        (lambda run: run.ablate(head=(0, 1.5)), "the number of a head is 1.5"),
        (lambda run: run.ablate(neuron="ab"), "neuron is 'ab'"),
        (lambda run: run.ablate(neuron=(0, -1)), "there is no neuron -1"),
        (lambda run: run.ablate(position="yes"), "position is 'yes'"),
        (lambda run: run.ablate(head=(0, 1), hold=1), "hold is 1"),
        (lambda run: run.save(3), "a directory cannot be 3"),
        (lambda run: glassgpt.load_checkpoint(cast(Any, 3)), "a directory cannot be 3"),
        (lambda run: glassgpt.save_checkpoint(run, "x"), "only a Snapshot can be saved"),
        (lambda run: glassgpt.read_documents(cast(Any, 3)), "the name of a text file cannot be 3"),
        (lambda run: run.train(1), r"0 are left\nhint: fork\(steps=6\)"),
        (lambda run: run.train(-1), "-1 steps were asked for"),
        (lambda run: run.train(1.0), "steps is 1.0"),
        (lambda run: glassgpt.train(cast(Any, 3)), "documents are 3"),
        (lambda run: glassgpt.train(cast(Any, b"anna")), "documents are b'anna'"),
        (lambda run: glassgpt.train({"anna", "otto"}), "documents are {"),
        (lambda run: glassgpt.train(["", ""]), "every document is empty"),
        (lambda run: glassgpt.train(cast(Any, ["a", 1])), "a document is 1"),
        (lambda run: glassgpt.train(["a"], engine="zz"), "there is no engine 'zz'"),
        (lambda run: glassgpt.train(steps=0), "steps is 0"),
        (lambda run: glassgpt.train([]), "documents are"),
        (lambda run: glassgpt.train("no such file"), "there is no file"),
    ],
)
def test_an_invalid_change_is_refused_and_changes_nothing(wrong: object, sentence: str) -> None:
    run = trained(5)
    before = bits(run)
    with pytest.raises(GlassError, match=sentence) as caught:
        wrong(run)  # type: ignore[operator]
    assert caught.value.hint
    assert (run.step, bits(run)) == (5, before)


@pytest.mark.parametrize("change", [3, None, "head0.2", Ablate("head", 0, 1.5)])  # type: ignore[arg-type]
def test_a_session_refuses_an_invalid_change(change: Any) -> None:
    session = Session(CONFIG, builtin_names())
    recipe = session.recipe
    with pytest.raises(ConfigError):
        session.apply(change)
    assert session.recipe is recipe


def test_a_session_refuses_an_invalid_sampling_or_snapshot() -> None:
    session: Any = Session(CONFIG, builtin_names())
    with pytest.raises(ConfigError, match="3 is not a Sampling"):
        list(session.sample(3))
    with pytest.raises(GlassError, match="3 is not a Snapshot"):
        session.restore(3)


PUBLIC = [
    Session(CONFIG, builtin_names()),
    trained(5),
    trained(5).model,
    CONFIG,
    Sampling(),
    Recipe(CONFIG),
]


@pytest.mark.parametrize("thing", PUBLIC, ids=lambda thing: type(thing).__name__)
def test_no_public_attribute_can_be_set(thing: Any) -> None:
    names = [name for name in dir(thing) if not name.startswith("_")]
    assert len(names) >= 3
    for name in [*names, "of_our_own"]:
        before = repr(getattr(thing, name, None))
        with pytest.raises(AttributeError, match=rf"\.{name} cannot be set\nhint: "):
            setattr(thing, name, 1)
        with pytest.raises(AttributeError, match=rf"\.{name} cannot be deleted\nhint: "):
            delattr(thing, name)
        assert repr(getattr(thing, name, None)) == before


def test_a_divergence_keeps_the_steps_before_it() -> None:
    run = trained(60).fork(10, learning_rate=10.0)
    with pytest.raises(DivergenceError):
        run.fork(steps=10_000).train()
    with pytest.raises(ConfigError):
        run.fork(9, steps=8)


def test_its_link_opens_the_same_run_on_the_page() -> None:
    run = trained().fork(30, learning_rate=0.02).train(20)
    opened = open_link(run.link(), Source.builtin())
    assert opened.step == 50
    opened.workspace.history.advance(50)
    assert weights(opened.workspace.session) == bits(run)


def test_a_saved_run_continues_in_the_terminal(tmp_path: Path) -> None:
    run = trained().fork(30).train(10)
    run.save(tmp_path)
    resumed = Session.resumed(glassgpt.load_checkpoint(tmp_path), builtin_names())
    resumed.run()
    assert weights(resumed) == bits(run.train())


def test_a_notebook_shows_curve_and_samples_without_changing_the_run() -> None:
    run = glassgpt.train(["<b>&", "a<script>"] * 5, steps=30, n_embd=8, n_head=2)
    assert repr(run).startswith("Run(step 30 of 30, smoothed loss ")
    before = run.model.sample(3)
    shown = Page()
    shown.feed(run._repr_html_())
    assert (shown.open, "script" in shown.seen, "polyline" in shown.seen) == ([], False, True)
    assert run.model.sample(3) == before
    assert "polyline" not in run.fork(0)._repr_html_()
    assert "http" not in run._repr_html_()
    assert not re.search(r"fill=.#|stroke=.#|color:", run._repr_html_())  # on any background


@given(losses=st.lists(st.floats(0, 100), min_size=1, max_size=250))
def test_the_smoothed_loss_is_the_mean_of_the_last_hundred(losses: list[float]) -> None:
    means = [fmean(losses[max(0, i - 99) : i + 1]) for i in range(len(losses))]
    assert smoothed(losses) == pytest.approx(means, abs=1e-9)


def test_a_curve_of_a_million_steps_is_small_and_has_its_extremes() -> None:
    losses = [3.0] * 1_000_000
    losses[123_456] = 9.0
    drawn = as_svg(losses)
    assert len(drawn) < 16_000
    band = re.search(r'polygon points="(.*?)"', drawn)
    assert band
    assert f",{TOP:.1f}" in band[1]  # the one high loss is seen


@given(low=st.floats(0, 1e4), wide=st.floats(1e-3, 1e7))
def test_ticks_are_few_and_inside(low: float, wide: float) -> None:
    found = ticks(low, low + wide)
    assert 2 <= len(found) <= 6
    assert all(low - wide * 1e-6 <= tick <= low + wide * (1 + 1e-6) for tick in found)
