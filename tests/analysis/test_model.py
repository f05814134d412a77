"""The model as a value: its samples, losses and arrays are what the engine computes."""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import glassgpt
from glassgpt import Config, Model, Sampling, Session, builtin_names
from glassgpt.errors import AddressError, ConfigError, GlassError, TokenizeError
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


def test_samples_are_those_of_the_run_and_continue_from_call_to_call(
    session: Session, model: Model
) -> None:
    other = session.sibling(session.snapshot())
    expected = list(other.sample(Sampling(num_samples=6)))
    assert model.sample(4) + model.sample(2) == expected


def test_a_seed_draws_the_same_texts_whatever_was_drawn_before(model: Model) -> None:
    texts = model.sample(5, prefix="ma", temperature=0.9, seed=7)
    model.sample(3)
    assert model.sample(5, prefix="ma", temperature=0.9, seed=7) == texts
    assert all(text.startswith("ma") for text in texts)
    assert len(set(texts)) > 1


def test_an_invalid_stream_is_refused_at_once_and_two_streams_do_not_mix(model: Model) -> None:
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


def test_training_the_run_further_does_not_change_the_model() -> None:
    run = glassgpt.train(builtin_names()[:100], steps=40, n_embd=8, n_head=2).fork(20)
    model = run.model
    settings: dict[str, Any] = {"temperature": 1.0, "seed": 3}
    expected = model.sample(6, **settings)
    stream = model.stream(6, **settings)
    texts = [next(stream)]
    run.train()
    assert texts + list(stream) == model.sample(6, **settings) == expected
    assert run.model.sample(6, **settings) != expected


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
    values = session.sibling(session.snapshot()).engine.forward(session.tokens("emma"))
    assert list(found) == [site.name for site in sites(CONFIG)]
    for site in sites(CONFIG):
        one = found[site.name]
        assert one.axes == site.axes
        a = np.asarray(one)
        assert a.shape == one.shape == site.shape(CONFIG, session.tokenizer.vocab_size, 5)
        assert a.tobytes() == values[site.name].tobytes()
        assert np.shares_memory(a, np.asarray(one.values))
        assert not a.flags.writeable
    q = found["layer0.attn.q"]
    assert q[3, 7] == q.tolist()[3][7] == list(q)[3][7]
    assert float(found["loss"]) == found["loss"][()] == model.loss("emma")
    assert repr(found["layer0.attn.weights"]) == "NamedArray(layer0.attn.weights: H=2, T=5, S=5)"


def test_an_explanation_is_of_the_number_that_the_activation_holds(model: Model) -> None:
    found = model.explain("layer0.attn.q[3,7]", "emma")
    assert found.value.number == model.activations("emma")["layer0.attn.q"][3, 7]
    with pytest.raises(AddressError):
        model.explain("layer9.attn.q[0,0]", "emma")


def test_parameters_are_the_runs_weights_with_their_axes(session: Session, model: Model) -> None:
    weights = session.engine.state().params
    assert list(model.parameters) == list(weights)
    size = {"V": 27, "T": 8, "C": 8, "F": 32}
    for name, one in model.parameters.items():
        assert np.array_equal(np.asarray(one), np.asarray(weights[name]))
        assert one.shape == tuple(size[axis] for axis in one.axes)
    assert [model.parameters[name].axes for name in ("wte", "wpe", "layer0.mlp_fc1")] == [
        ("V", "C"),
        ("T", "C"),
        ("F", "C"),
    ]


def test_parameters_cannot_be_set(model: Model) -> None:
    wte = model.parameters["wte"]
    with pytest.raises(TypeError):
        wte[0, 0] = 1.0  # type: ignore[index]
    with pytest.raises(TypeError):
        wte.values[0, 0] = 1.0
    with pytest.raises(TypeError):
        model.parameters["wte"] = wte  # type: ignore[index]


# fmt: off
WRONG: list[tuple[Callable[[Any], object], str]] = [
    (lambda m: m.sample(-1), "samples is -1"),
    (lambda m: m.sample(2.5), "samples is 2.5, but must be a whole number"),
    (lambda m: m.sample("3"), "samples is '3'"),
    (lambda m: m.sample(True), "samples is True"),
    (lambda m: m.sample(prefix="abcdefgh"), "the prefix has 8 characters"),
    (lambda m: m.sample(prefix="É"), "the character 'É'"),
    (lambda m: m.sample(prefix=None), "prefix is None, but must be text"),
    (lambda m: m.sample(temperature=-1), "temperature is -1"),
    (lambda m: m.sample(temperature=math.nan), "temperature is nan"),
    (lambda m: m.sample(temperature="hot"), "temperature is 'hot'"),
    (lambda m: m.sample(seed=-1), "draw seed is -1"),
    (lambda m: m.sample(seed=1.5), "draw seed is 1.5"),
    (lambda m: m.sample(seed="a"), "draw seed is 'a'"),
    (lambda m: m.sample(seed=2**60), "draw seed is 1,152"),
    (lambda m: m.next_probabilities(3), "prefix is 3"),
    (lambda m: m.next_probabilities("é"), "the character 'é'"),
    (lambda m: m.next_probabilities("abcdefgh"), "the prefix has 8 characters"),
    (lambda m: m.next_probabilities("a", temperature=-1), "temperature is -1"),
    (lambda m: m.next_probabilities("a", temperature=math.nan), "temperature is nan"),
    (lambda m: m.next_probabilities("a", temperature=math.inf), "temperature is inf"),
    (lambda m: m.loss("abcdefghi"), "the text has 9 characters, but the model sees 8"),
    (lambda m: m.loss(3), "the text is 3"),
    (lambda m: m.loss(["a"]), "the text is"),
    (lambda m: m.loss("É"), "the character 'É'"),
    (lambda m: m.activations(None), "the text is None"),
    (lambda m: m.activations("emma")["layer0.attn.qq"], r"(.|\n)*nearest: layer0.attn.q"),
    (lambda m: m.activations("emma")["weights"], r"(.|\n)*nearest: layer0.attn.weights"),
    (lambda m: m.activations("emma")["zzz"], r"(.|\n)*for instance: "),
    (lambda m: m.activations("emma")[3], "no array 3"),
    (lambda m: m.activations("emma")["probs"][9, 0], r"probs \(T=5, V=27\) has no number"),
    (lambda m: m.activations("emma")["probs"][0], r"probs .* has no number at 0"),
    (lambda m: m.activations("emma")["probs"][0:2], r"probs .* has no number at slice"),
    (lambda m: m.activations("emma")["probs"]["a"], r"probs .* has no number at 'a'"),
    (lambda m: m.parameters["wqe"], r"(.|\n)*nearest: wte, wpe"),
    (lambda m: m.explain("layer9.attn.q[0,0]", "emma"), "the model has no 'layer9.attn.q'"),
    (lambda m: m.explain("layer0.attn.q[30,7]", "emma"), "positions 0 to 4 and channels 0 to 7"),
    (lambda m: m.explain("layer0.attn.q[3]", "emma"), r"but the address has \[3\]"),
    (lambda m: m.explain("", "emma"), "'' is not a valid address"),
    (lambda m: m.explain(3, "emma"), "3 is not a valid address"),
    (lambda m: m.explain("loss", 3), "the text is 3"),
    (lambda _: Model(cast(Any, 3)), "a model needs a Snapshot"),
    (lambda _: glassgpt.load(cast(Any, 3)), "a directory cannot be 3"),
    (lambda _: glassgpt.load("nowhere"), "there is no checkpoint"),
    (lambda m: m.activations("emma")["loss"][0], r"loss \(one number\) has no number at 0"),
]
# fmt: on


@pytest.mark.parametrize(("wrong", "sentence"), WRONG)
def test_invalid_arguments_are_refused_with_a_sentence_and_a_hint(
    wrong: Callable[[Model], object], sentence: str, model: Model
) -> None:
    with pytest.raises(GlassError, match=sentence) as caught:
        wrong(model)
    assert caught.value.hint


def test_numbers_of_numpy_are_numbers(model: Model) -> None:
    texts = model.sample(np.int64(2), temperature=np.float32(0.5), seed=np.int64(3))  # type: ignore[arg-type]
    assert texts == model.sample(2, temperature=0.5, seed=3)


def test_an_empty_text_is_a_document_of_its_end_alone(model: Model) -> None:
    assert model.loss("") == pytest.approx(-math.log(model.next_probabilities("")["BOS"]))
    assert model.activations("")["probs"].shape == (1, 27)


def test_a_kept_model_is_loaded_without_its_data(tmp_path: Path) -> None:
    path = tmp_path / "words.txt"
    path.write_text("\n".join(random.Random(1).choices(["ab", "abba", "bab"], k=20)))
    run = glassgpt.train(path, steps=10, n_embd=4, n_head=2)
    run.save(tmp_path / "run")
    path.unlink()
    model = glassgpt.load(tmp_path / "run")
    assert model.sample(3, seed=1) == run.model.sample(3, seed=1)
    assert repr(model) == "Model(280 parameters, 3 tokens, step 10)"
