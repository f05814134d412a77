"""Interventions: as weights, as text, and invalid ones."""

from __future__ import annotations

import math

import pytest
from hypothesis import given

from glassgpt import Config, Session
from glassgpt.arrays import numbers
from glassgpt.engines import default_engine
from glassgpt.errors import CheckpointError, ConfigError, DivergenceError
from glassgpt.training.interventions import (
    MAX_INTERVENTIONS,
    Ablate,
    Edit,
    Intervention,
    Interventions,
    ablated,
    check,
    config_at,
)
from glassgpt.training.recipe_text import read, write
from glassgpt.training.snapshot import from_bytes, to_bytes
from tests.support.models import recipes

SMALL = Config(n_layer=2, n_embd=4, n_head=2, block_size=4, num_steps=60)
DOCUMENTS = ["ab", "ba", "abba"]


@given(recipes)
def test_what_is_written_is_read_again(recipe: Interventions) -> None:
    assert read(write(recipe)) == recipe


@pytest.mark.parametrize("text", [
    "250", "x:head0.1", "1:head0", "1:head0.1.2", "1:~head0.1!", "1:wte[1]=2", "1:wte[1,2]=x",
    "1:n_embd=8", "1:learning_rate", "1:learning_rate=much", "²:head0.1", "1:", ";", "1:head0.1;",
    "1:num_steps=1.5",
])  # fmt: skip
def test_text_that_is_not_a_change_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(ConfigError, match="not a change to a run"):
        read(text)


@pytest.mark.parametrize(("text", "words"), [
    ("1:wte[9,0]=1", "no wte"), ("1:wte[0,4]=1", "no wte"), ("1:wings[0,0]=1", "no parameter"),
    ("1:wte[0,0]=nan", "cannot be nan"), ("1:wte[0,0]=1e9", "cannot be"),
    ("1:head2.0", "no layer 2"), ("1:head0.2", "no head 2"), ("1:neuron1.16", "no neuron 16"),
    ("1:~head0.1", "not held"), ("1:head0.1!;2:~head0.1;3:~head0.1", "not held"),
    ("61:position", "cannot follow"), ("5:position;4:position", "cannot follow"),
    ("9:num_steps=8", "already taken"), ("9:learning_rate=11", "between"),
    (";".join(["1:position"] * (MAX_INTERVENTIONS + 1)), "which is the limit"),
])  # fmt: skip
def test_a_change_that_a_model_does_not_allow_is_refused_with_a_sentence(
    text: str, words: str
) -> None:
    with pytest.raises(ConfigError, match=words):
        check(read(text), SMALL, 3)


def test_a_position_that_a_longer_run_reaches_can_be_changed() -> None:
    recipe = read("50:num_steps=80;70:learning_rate=0.5")
    check(recipe, SMALL, 3)
    assert config_at(SMALL, recipe, 60).num_steps == 80
    assert config_at(SMALL, recipe, 60).learning_rate == 0.01
    assert config_at(SMALL, recipe).learning_rate == 0.5


def test_the_last_change_of_a_part_counts() -> None:
    recipe = read("1:head0.1!;2:neuron1.3!;3:position;4:~head0.1")
    assert [ablation.name for ablation in ablated(recipe)] == ["neuron1.3"]


@pytest.mark.parametrize("engine", ["scalar", default_engine()[0]])
@pytest.mark.parametrize(("ablation", "param", "cells"), [
    (Ablate("head", 1, 1), "layer1.attn_wo", [r * 4 + c for r in range(4) for c in (2, 3)]),
    (Ablate("neuron", 0, 5), "layer0.mlp_fc2", [r * 16 + 5 for r in range(4)]),
    (Ablate("position"), "wpe", list(range(16))),
])  # fmt: skip
def test_ablating_a_part_equals_setting_its_weights_to_zero(
    engine: str, ablation: Ablate, param: str, cells: list[int]
) -> None:
    session = Session(SMALL, DOCUMENTS, engine=engine)
    session.run(3)
    before = session.engine.state()
    session.apply(ablation)
    after = session.engine.state()
    for name, weights in before.params.items():
        expected = numbers(weights)
        for i in cells if name == param else []:
            expected[i] = 0.0
        assert numbers(after.params[name]) == expected
        assert after.m[name] == before.m[name]
        assert after.v[name] == before.v[name]


@pytest.mark.parametrize(("ablation", "site", "channels"), [
    (Ablate("head", 0, 1), "layer0.attn.heads", (2, 3)),
    (Ablate("neuron", 1, 5), "layer1.mlp.relu", (5,)),
])  # fmt: skip
def test_the_loss_does_not_depend_on_an_ablated_part(
    ablation: Ablate, site: str, channels: tuple[int, ...]
) -> None:
    session = Session(SMALL, DOCUMENTS, engine="scalar")
    session.run(3)
    session.apply(ablation)
    session.engine.forward(session.tokens("abba"))
    gradient = session.engine.backward().sites[site]
    assert not any(gradient[t, c] for t in range(4) for c in channels)
    assert any(gradient[t, 0] for t in range(4))


def test_a_checkpoint_keeps_parts_held_at_zero() -> None:
    session = Session(SMALL, DOCUMENTS)
    session.run(5)
    session.apply(Ablate("head", 0, 1, hold=True))
    session.apply(Edit("wte", 0, 1, 0.5))
    resumed = Session.resumed(from_bytes(to_bytes(session.snapshot())), DOCUMENTS)
    assert resumed.recipe.interventions == session.recipe.interventions
    assert session.run(20) == resumed.run(20)
    wo = resumed.engine.state().params["layer0.attn_wo"]
    assert not any(wo[row, column] for row in range(4) for column in (2, 3))


def test_a_checkpoint_whose_interventions_do_not_fit_its_model_is_refused() -> None:
    session = Session(SMALL, DOCUMENTS)
    session._recipe = session.recipe.with_more(Intervention(0, Ablate("head", 9, 9)))
    with pytest.raises(CheckpointError, match="no layer 9"):
        from_bytes(to_bytes(session.snapshot()))


def test_a_divergence_under_a_hold_keeps_the_steps_before_it() -> None:
    wild = Config(n_embd=4, n_head=2, block_size=4, num_steps=60, learning_rate=10, init_std=10)
    session = Session(wild, DOCUMENTS)
    session.apply(Ablate("neuron", 0, 1, hold=True))
    with pytest.raises(DivergenceError) as caught:
        session.run()
    assert session.step == len(caught.value.losses) < 60
    assert all(map(math.isfinite, caught.value.losses))
