"""The model as a value: what it draws, measures and shows is what the engine computes."""

from __future__ import annotations

import math
import random
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import glassgpt
from glassgpt import Config, Model, Sampling, Session, builtin_names
from glassgpt.errors import AddressError, ConfigError, TokenizeError
from glassgpt.model.activations import sites

CONFIG = Config(n_embd=8, n_head=2, block_size=8, num_steps=60)


@pytest.fixture(scope="module")
def session() -> Session:
    session = Session(CONFIG, builtin_names(), data_name="built-in names")
    session.run()
    return session


@pytest.fixture
def model(session: Session) -> Model:
    return Model(session.snapshot())


def test_samples_are_those_of_the_run_and_go_on_from_call_to_call(
    session: Session, model: Model
) -> None:
    other = session.sibling()
    expected = list(other.sample(Sampling(num_samples=6)))
    assert model.sample(4) + model.sample(2) == expected


def test_a_seed_draws_the_same_texts_whatever_was_drawn_before(model: Model) -> None:
    texts = model.sample(5, prefix="ma", temperature=0.9, seed=7)
    model.sample(3)
    assert model.sample(5, prefix="ma", temperature=0.9, seed=7) == texts
    assert all(text.startswith("ma") for text in texts)
    assert len(set(texts)) > 1


def test_a_stream_is_refused_at_once_and_two_of_them_do_not_mix(model: Model) -> None:
    with pytest.raises(TokenizeError):
        model.stream(prefix="é")
    with pytest.raises(ConfigError):
        model.stream(prefix="abcdefgh")
    with pytest.raises(ConfigError):
        model.stream(seed=-1)
    one, other = (model.stream(4, seed=seed) for seed in (1, 2))
    turns = [next(stream) for _ in range(4) for stream in (one, other)]
    assert turns[::2] == model.sample(4, seed=1)
    assert turns[1::2] == model.sample(4, seed=2)


def test_a_run_that_goes_on_does_not_change_the_model() -> None:
    run = glassgpt.train(builtin_names()[:100], steps=40, n_embd=8, n_head=2)
    model = run.fork(20).model
    stream = model.stream(6, seed=3)
    texts = [next(stream)]
    run.fork(20).train()
    assert texts + list(stream) == model.sample(6, seed=3)


@given(text=st.text("abcdefghijklmnopqrstuvwxyz", max_size=8))
def test_the_loss_is_the_mean_surprise_of_the_next_tokens(text: str, session: Session) -> None:
    model = Model(session.snapshot())
    ending = [*text, "BOS"][:8]
    surprises = [
        -math.log(model.next_probabilities(text[:i])[token]) for i, token in enumerate(ending)
    ]
    assert model.loss(text) == pytest.approx(math.fsum(surprises) / len(surprises), rel=1e-9)


def test_the_next_probabilities_are_a_distribution_over_every_token(model: Model) -> None:
    found = model.next_probabilities("em")
    assert set(found) == {*model.tokenizer.characters, "BOS"}
    assert math.fsum(found.values()) == pytest.approx(1)
    assert list(found.values()) == sorted(found.values(), reverse=True)
    assert next(iter(model.next_probabilities("em", temperature=0).values())) == 1


def test_activations_are_the_engines_arrays_read_without_a_copy(
    session: Session, model: Model
) -> None:
    found = model.activations("emma")
    values = session.sibling().engine.forward(session.tokens("emma"))
    assert list(found) == [site.name for site in sites(CONFIG)]
    for site in sites(CONFIG):
        one = found[site.name]
        assert one.axes == site.axes
        a = np.asarray(one)
        assert a.shape == one.shape == site.shape(CONFIG, session.tokenizer.vocab_size, 5)
        assert a.tobytes() == values[site.name].tobytes()
        assert not a.flags.owndata
        assert not a.flags.writeable
    q = found["layer0.attn.q"]
    assert q[3, 7] == q.tolist()[3][7]
    assert repr(found["layer0.attn.weights"]) == "Activation(layer0.attn.weights: H=2, T=5, S=5)"


def test_an_explanation_is_of_the_number_that_the_activation_holds(model: Model) -> None:
    found = model.explain("layer0.attn.q[3,7]", "emma")
    assert found.value.number == model.activations("emma")["layer0.attn.q"][3, 7]
    with pytest.raises(AddressError):
        model.explain("layer9.attn.q[0,0]", "emma")


def test_parameters_cannot_be_set(model: Model) -> None:
    wte = model.parameters["wte"]
    with pytest.raises(TypeError):
        wte[0, 0] = 1.0
    with pytest.raises(TypeError):
        model.parameters["wte"] = wte  # type: ignore[index]
    with pytest.raises(AttributeError):
        model.config = CONFIG  # type: ignore[misc]


def test_a_text_longer_than_the_context_is_refused(model: Model) -> None:
    with pytest.raises(ConfigError, match="the model sees 8"):
        model.loss("abcdefghi")


def test_a_kept_model_is_loaded_without_its_data(tmp_path: Path) -> None:
    path = tmp_path / "words.txt"
    path.write_text("\n".join(random.Random(1).choices(["ab", "abba", "bab"], k=20)))
    run = glassgpt.train(path, steps=10, n_embd=4, n_head=2)
    run.save(tmp_path / "run")
    path.unlink()
    model = glassgpt.load(tmp_path / "run")
    assert model.sample(3, seed=1) == run.model.sample(3, seed=1)
    assert repr(model) == "Model(280 parameters, 3 tokens, step 10)"
