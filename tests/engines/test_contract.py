"""The contract of engines, kept by every engine; and every engine against the scalar one.

A new case is one line in CASES, a new engine is in all of them: see the README of engines/.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from glassgpt import Config, Session
from glassgpt.arrays import Array, numbers, shape
from glassgpt.engines import ENGINES, Engine, create
from glassgpt.errors import DivergenceError, EngineError
from glassgpt.model.activations import sites
from glassgpt.model.config import hyper
from glassgpt.model.parameters import shapes
from glassgpt.model.state import State
from tests.support import models
from tests.support.states import assert_close, bits, state_bits
from tests.support.tokens import packed

engines = pytest.mark.parametrize("name", ENGINES)
others = pytest.mark.parametrize("name", [name for name in ENGINES if name != "scalar"])

# fmt: off
CASES: dict[str, tuple[Config, int, list[int]]] = {  # sizes, vocabulary, tokens
    "reference":      (Config(), 27, [26, 4, 12, 12, 0, 26]),
    "one position":   (Config(n_embd=4, n_head=2, block_size=1), 3, [2, 0]),
    "two channels":   (Config(n_embd=2, n_head=1, block_size=4), 3, [2, 0, 1, 2]),
    "odd head":       (Config(n_embd=9, n_head=3, block_size=5), 4, [3, 0, 1, 2, 2, 3]),
    "three layers":   (Config(n_layer=3, n_embd=6, n_head=2, block_size=6), 5, [4, 0, 0, 3, 4]),
    "full context":   (Config(n_embd=8, n_head=4, block_size=6), 7, [6, 0, 1, 2, 3, 4, 5]),
    "two tokens":     (Config(n_embd=8, n_head=2, block_size=8), 2, [1, 0, 0, 0, 1]),
}
# fmt: on
cases = pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())


def loaded(name: str, config: Config, vocab_size: int, state: State | None = None) -> Engine:
    engine = create(name, config, vocab_size)
    engine.load(state or models.random_state(config, vocab_size))
    return engine


@engines
@cases
def test_forward_and_backward_give_every_named_array(
    name: str, case: tuple[Config, int, list[int]]
) -> None:
    config, vocab_size, tokens = case
    engine = loaded(name, config, vocab_size)
    values, gradients = engine.forward(tokens), engine.backward()
    wanted = {site.name: site.shape(config, vocab_size, len(tokens) - 1) for site in sites(config)}
    assert {name: shape(a) for name, a in values.items()} == wanted
    assert {name: shape(a) for name, a in gradients.sites.items()} == wanted
    assert {n: shape(a) for n, a in gradients.params.items()} == shapes(config, vocab_size)


@engines
@cases
def test_parameter_gradients_agree_with_central_differences(
    name: str, case: tuple[Config, int, list[int]]
) -> None:
    config, vocab_size, tokens = case
    state = models.random_state(config, vocab_size)
    engine = loaded(name, config, vocab_size, state)
    engine.forward(tokens)
    gradients = engine.backward().params
    h = 1e-6
    for parameter, weight in state.params.items():
        # the weight whose gradient is largest, and the first one
        flat = numbers(gradients[parameter])
        for offset in {0, max(range(len(flat)), key=lambda i: abs(flat[i]))}:
            index = divmod(offset, shape(weight)[1])
            losses = []
            for push in (h, -h):
                weight[index] += push
                losses += loaded(name, config, vocab_size, state).evaluate(packed(tokens))
                weight[index] -= push
            slope = (losses[0] - losses[1]) / (2 * h)
            assert flat[offset] == pytest.approx(slope, abs=1e-7), (parameter, index)


@engines
@cases
def test_gradients_agree_with_pytorch(name: str, case: tuple[Config, int, list[int]]) -> None:
    pytest.importorskip("torch", reason="PyTorch is not installed")
    from tests.engines import torch_model

    config, vocab_size, tokens = case
    state = models.random_state(config, vocab_size)
    engine = loaded(name, config, vocab_size, state)
    values = engine.forward(tokens)
    loss, gradients = torch_model.loss_and_gradients(config, state.params, tokens)
    assert values["loss"][()] == pytest.approx(loss, abs=1e-13)
    for parameter, ours in engine.backward().params.items():
        theirs = gradients[parameter]
        scale = np.abs(theirs).max()
        assert np.abs(np.asarray(ours) - theirs).max() <= 1e-12 * max(scale, 1e-3), parameter


@engines
@given(config=models.configs(), documents=models.documents)
def test_run_gives_the_bits_of_the_single_phases(
    name: str, config: Config, documents: list[str]
) -> None:
    bulk = Session(config, documents, engine=name)
    single = Session(config, documents, engine=name)
    losses = [record.loss for record in bulk.run(3)]
    for step in range(3):
        values = single.engine.forward(single.tokens(single.document(step)))
        single.engine.backward()
        single.engine.update(hyper(config, step))
        assert values["loss"][()] == losses[step]
    assert state_bits(bulk.engine.state()) == state_bits(single.engine.state())


@engines
@cases
def test_gradients_add_up_until_the_update(name: str, case: tuple[Config, int, list[int]]) -> None:
    config, vocab_size, tokens = case
    other = [tokens[0], *reversed(tokens[1:-1]), tokens[-1]]

    def alone(document: list[int]) -> Mapping[str, Array]:
        engine = loaded(name, config, vocab_size)
        engine.forward(document)
        return engine.backward().params

    engine = loaded(name, config, vocab_size)
    engine.forward(tokens)
    engine.backward(0.5)
    engine.forward(other)
    both = engine.backward(0.5).params
    for parameter, a in both.items():
        wanted = (np.asarray(alone(tokens)[parameter]) + np.asarray(alone(other)[parameter])) / 2
        assert np.allclose(np.asarray(a), wanted, rtol=0, atol=1e-12), parameter
    engine.update(hyper(config, 0))
    engine.forward(tokens)
    fresh = engine.backward().params
    again = loaded(name, config, vocab_size, engine.state())
    again.forward(tokens)
    assert bits(fresh) == bits(again.backward().params)


@engines
def test_a_second_backward_adds_the_same_again(name: str) -> None:
    config, vocab_size, tokens = CASES["three layers"]
    engine = loaded(name, config, vocab_size)
    engine.forward(tokens)
    once = bits(engine.backward(1.0).sites)
    assert bits(engine.backward(1.0).sites) == once
    whole = loaded(name, config, vocab_size)
    whole.forward(tokens)
    ours, theirs = engine.backward(0.0).params, whole.backward(2.0).params
    for parameter in ours:
        a, b = np.asarray(ours[parameter]), np.asarray(theirs[parameter])
        assert np.allclose(a, b, rtol=0, atol=1e-12), parameter


@engines
def test_computing_gradients_does_not_change_a_run(name: str) -> None:
    config, documents = Config(n_embd=4, n_head=2), ["abc", "cab"]
    looked, plain = (Session(config, documents, engine=name) for _ in range(2))
    looked.engine.forward(looked.tokens("abc"))
    looked.engine.backward()
    assert looked.run(3) == plain.run(3)
    assert state_bits(looked.engine.state()) == state_bits(plain.engine.state())


@engines
@pytest.mark.parametrize("between", ["nothing", "update", "run", "load"])
def test_backward_needs_a_forward_with_the_current_weights(name: str, between: str) -> None:
    config, vocab_size, tokens = CASES["odd head"]
    engine = loaded(name, config, vocab_size)
    if between != "nothing":
        engine.forward(tokens)
        engine.backward()
    if between == "update":
        engine.update(hyper(config, 0))
    if between == "run":
        engine.run(packed(tokens), config, 0, 1)
    if between == "load":
        engine.load(models.random_state(config, vocab_size))
    with pytest.raises(EngineError, match="backward needs a forward before it"):
        engine.backward()


@engines
def test_evaluate_says_where_a_number_is_not_finite(name: str) -> None:
    config = Config(n_embd=4, n_head=2, block_size=4)
    engine = loaded(name, config, 4, broken_state(config, 4))
    with pytest.raises(DivergenceError):
        engine.evaluate(packed([3, 0, 1, 3]))


@engines
@cases
def test_logits_and_evaluate_agree_with_forward(
    name: str, case: tuple[Config, int, list[int]]
) -> None:
    config, vocab_size, tokens = case
    engine = loaded(name, config, vocab_size)
    values = engine.forward(tokens)
    logits = np.asarray(values["logits"])
    for length in (*range(1, len(tokens)), 1):  # growing, then another text
        ours = np.asarray(engine.logits(tokens[:length]))
        assert np.allclose(ours, logits[length - 1], rtol=0, atol=1e-12)
    assert engine.evaluate(packed(tokens, tokens)) == pytest.approx(
        [values["loss"][()]] * 2, abs=1e-12
    )


@engines
@given(config=models.configs(), seed=st.integers(0, 9))
def test_load_then_state_gives_the_same_bits(name: str, config: Config, seed: int) -> None:
    state = models.random_state(config, 4, seed)
    engine = loaded(name, config, 4, state)
    assert state_bits(engine.state()) == state_bits(state)


@engines
@given(config=models.configs(), seed=st.integers(0, 9))
def test_a_weight_is_read_as_the_state_holds_it(name: str, config: Config, seed: int) -> None:
    engine = loaded(name, config, 4, models.random_state(config, 4, seed))
    for param, a in engine.state().params.items():
        rows, columns = shape(a)
        for index in ((0, 0), (rows - 1, 0), (0, columns - 1), (rows - 1, columns - 1)):
            assert engine.weight(param, index) == a[index]


@engines
def test_a_returned_state_is_a_copy(name: str) -> None:
    session = Session(Config(n_embd=4, n_head=2), ["abc"], engine=name)
    before = session.engine.state()
    kept = state_bits(before)
    session.run(2)
    assert state_bits(before) == kept


def broken_state(config: Config, vocab_size: int) -> State:
    """A state whose first logit overflows."""
    state = models.still_state(models.random_state(config, vocab_size))
    state.params["lm_head"][0, 0] = 1e308
    state.params["lm_head"][0, 1] = 1e308
    for a in (state.params["wte"], state.params["wpe"]):
        for row in range(shape(a)[0]):
            for column in range(shape(a)[1]):
                a[row, column] = 5.0
    return state


@engines
def test_a_step_that_is_not_finite_raises_and_does_not_change_the_state(name: str) -> None:
    config = Config(n_embd=4, n_head=2, block_size=4)
    engine = loaded(name, config, 4, broken_state(config, 4))
    before = state_bits(engine.state())
    with pytest.raises(DivergenceError) as caught:
        engine.run(packed([3, 0, 1, 3]), config, 0, 1)
    assert caught.value.site == "logits"
    assert caught.value.losses == []
    assert state_bits(engine.state()) == before


@engines
def test_a_probability_of_zero_names_its_position(name: str) -> None:
    config = Config(n_embd=4, n_head=2, block_size=4)
    state = broken_state(config, 4)
    for column in range(4):
        state.params["lm_head"][0, column] = 1e4
    engine = loaded(name, config, 4, state)
    with pytest.raises(
        DivergenceError, match="a probability of 0, so the loss became infinite"
    ) as caught:
        engine.forward([3, 0, 1, 3])
    assert (caught.value.site, caught.value.index) == ("losses", (1,))


@engines
def test_engines_do_not_touch_each_other(name: str) -> None:
    config = Config(n_embd=4, n_head=2)
    alone = [record.loss for record in Session(config, ["abc", "cab"], engine=name).run(4)]
    left, right = (Session(config, ["abc", "cab"], engine=name) for _ in range(2))
    mixed = [(left.run(1)[0].loss, right.run(1)[0].loss) for _ in range(4)]
    assert mixed == [(loss, loss) for loss in alone]


@others
@given(config=models.configs(), documents=models.documents)
def test_every_site_and_gradient_equals_the_scalar_engines(
    name: str, config: Config, documents: list[str]
) -> None:
    ours, theirs = (Session(config, documents, engine=engine) for engine in (name, "scalar"))
    tokens = ours.tokens(ours.document(0))
    assert_close(ours.engine.forward(tokens), theirs.engine.forward(tokens))
    a, b = ours.engine.backward(), theirs.engine.backward()
    assert_close(a.sites, b.sites)
    assert_close(a.params, b.params)


@others
@cases
def test_cases_equal_the_scalar_engines(name: str, case: tuple[Config, int, list[int]]) -> None:
    config, vocab_size, tokens = case
    ours, theirs = (loaded(engine, config, vocab_size) for engine in (name, "scalar"))
    assert_close(ours.forward(tokens), theirs.forward(tokens))
    assert_close(ours.backward().sites, theirs.backward().sites)


def test_masked_scores_are_minus_infinity_and_their_weights_zero() -> None:
    engine = loaded("scalar", Config(n_embd=4, n_head=2, block_size=4), 4)
    values = engine.forward([3, 0, 1, 3])
    scores, weights = (np.asarray(values[f"layer0.attn.{s}"]) for s in ("scores", "weights"))
    future = np.triu(np.ones((3, 3), bool), 1)
    assert (scores[:, future] == -math.inf).all()
    assert (weights[:, future] == 0).all()
    assert np.isfinite(scores[:, ~future]).all()
