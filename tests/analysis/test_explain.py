"""Every explanation follows from the real computation: its laws."""

from __future__ import annotations

import math
import random
import re
from itertools import product

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

import glassgpt
from glassgpt import Config, Session, builtin_names
from glassgpt.analysis.explain import (
    Breakdown,
    Explanation,
    Pass,
    adam_update,
    explain,
    gradient_check,
    pass_through,
)
from glassgpt.analysis.explain.words import figure
from glassgpt.arrays import numbers
from glassgpt.engines import ENGINES, create
from glassgpt.errors import AddressError, DivergenceError
from glassgpt.model.address import Address, extents, parse_address, spell
from glassgpt.model.config import hyper
from glassgpt.model.parameters import shapes
from glassgpt.model.state import State
from glassgpt.model.tokenizer import Tokenizer
from tests.support import models
from tests.support.markup import Page

TOLERANCE = 1e-12  # of the sum of the terms' magnitudes

engines = pytest.mark.parametrize("engine", ENGINES)
any_model = models.configs(max_layers=3)


def passed(engine: str, config: Config, documents: list[str], step: int = 0) -> Pass:
    """The pass of the first document through random weights with random moments."""
    tokenizer = Tokenizer.of(documents)
    state = models.random_state(config, tokenizer.vocab_size, config.seed)
    tokens = tokenizer.encode_document(documents[0])[: config.block_size + 1]
    made = create(engine, config, tokenizer.vocab_size)
    return pass_through(made, config, tokenizer, step, state, tokens)


def every_address(p: Pass) -> list[str]:
    found = extents(p.config, p.tokenizer.vocab_size, p.positions)
    return [
        spell("value", name, index)
        for name, axes in found.items()
        for index in product(*(range(size) for _, size in axes))
    ]


def some_of_each(p: Pass, rng: random.Random, most: int = 3) -> list[str]:
    """A few numbers of every site and parameter."""
    by_name: dict[str, list[str]] = {}
    for text in every_address(p):
        by_name.setdefault(parse_address(text).name, []).append(text)
    return [t for texts in by_name.values() for t in rng.sample(texts, min(most, len(texts)))]


def assert_adds_up(breakdown: Breakdown, about: str) -> None:
    amounts = [term.amount for term in breakdown.terms]
    scale = sum(map(abs, amounts))
    assert abs(math.fsum(amounts) - breakdown.total) <= TOLERANCE * scale, about


@engines
@given(config=any_model, documents=models.documents, seed=st.integers(0, 2**32))
def test_terms_add_up_to_the_value_and_users_to_the_gradient(
    engine: str, config: Config, documents: list[str], seed: int
) -> None:
    p = passed(engine, config, documents)
    for text in some_of_each(p, random.Random(seed)):
        told = explain(p, text)
        name, index = parse_address(text).name, parse_address(text).index
        assert told.value.number == p.values[name][index]
        assert told.gradient.number == told.gradient.total == p.grads[name][index]
        if told.value.terms:
            assert_adds_up(told.value, text)
        assert_adds_up(told.gradient, text)


@engines
def test_in_one_model_every_single_number_adds_up(engine: str) -> None:
    config = Config(n_layer=2, n_embd=6, n_head=3, block_size=5)
    p = passed(engine, config, ["abba"])
    for text in every_address(p):
        told = explain(p, text)
        if told.value.terms:
            assert_adds_up(told.value, text)
        assert_adds_up(told.gradient, text)


def test_every_site_and_parameter_has_words_and_formulas_of_its_own() -> None:
    p = passed("scalar", Config(n_layer=2, n_embd=6, n_head=3, block_size=5), ["abba"])
    told = {text: explain(p, text) for text in every_address(p)}
    assert len({each.words for each in told.values()}) == len(told)
    for text, each in told.items():
        formulas = f"{each.value.formula} {each.gradient.formula}"
        assert not re.search(r"[{}]|None|layer\d", formulas), (text, formulas)
        assert not re.search(r"[{}]|None", each.words + each.value.numbers), text


def test_an_address_is_described_in_words() -> None:
    p = passed("scalar", Config(block_size=8), ["emma"])
    words = explain(p, "layer0.attn.q[3,7]").words
    assert words == (
        "query 7 at position 3, where the document has 'm'; head 1, its channel 3; layer 0"
    )
    assert explain(p, "grad:wte[3,5]").words == (
        "the gradient of the loss with respect to "
        "the weight that is channel 5 of the embedding of BOS"
    )


@given(config=any_model, documents=models.documents, seed=st.integers(0, 2**32))
def test_a_number_that_is_not_a_sum_follows_from_its_terms_by_its_formula(
    config: Config, documents: list[str], seed: int
) -> None:
    p = passed("scalar", config, documents)
    for text in some_of_each(p, random.Random(seed)):
        address = parse_address(text)
        op = p.sites[address.name].op if address.name in p.sites else ""
        value = explain(p, text).value
        if op == "norm_scale":
            wanted = (value.total / config.n_embd + 1e-5) ** -0.5
        elif op == "softmax" and value.terms:
            source = spell("value", p.sites[address.name].inputs[0], address.index)
            own = [term for term in value.terms if term.factors[0].address == source]
            wanted = own[0].amount / value.total
        else:
            assert value.total == value.number
            continue
        assert value.number == pytest.approx(wanted, rel=1e-12)


@given(config=any_model, documents=models.documents, seed=st.integers(0, 2**32))
def test_only_the_future_and_leaves_have_no_terms_and_only_the_unused_no_users(
    config: Config, documents: list[str], seed: int
) -> None:
    p = passed("scalar", config, documents)
    for text in some_of_each(p, random.Random(seed)):
        address, told = parse_address(text), explain(p, text)
        site = p.sites.get(address.name)
        future = site is not None and "S" in site.axes and address.index[2] > address.index[1]
        assert bool(told.value.terms) == (site is not None and not future), text
        if not told.gradient.terms:
            assert told.gradient.number == 0
            assert future or address.name in ("probs", "wte", "wpe"), text


@given(config=any_model, documents=models.documents, seed=st.integers(0, 2**32))
def test_each_factor_is_the_number_at_its_address_and_can_be_explained(
    config: Config, documents: list[str], seed: int
) -> None:
    p = passed("scalar", config, documents)
    for text in some_of_each(p, random.Random(seed), most=1):
        told = explain(p, text)
        for breakdown in (told.value, told.gradient):
            for factor in (factor for term in breakdown.terms for factor in term.factors):
                if factor.address and not re.search(
                    "−|³", factor.name
                ):  # these are computed from it
                    address = parse_address(factor.address)
                    group = p.grads if address.kind == "grad" else p.values
                    assert group[address.name][address.index] == factor.number
        walked = [f for term in told.value.terms for f in term.factors if f.address]
        for factor in walked[:2]:
            users = explain(p, factor.address).gradient.terms
            grad = spell("grad", parse_address(text).name, parse_address(text).index)
            assert any(f.address == grad for term in users for f in term.factors), (text, factor)


def test_an_explanation_is_plain_data_that_a_message_can_carry() -> None:
    p = passed("scalar", Config(block_size=8), ["emma"])
    for text in ("layer0.attn.weights[1,3,2]", "wte[0,0]"):
        told = explain(p, text)
        assert msgspec.json.decode(msgspec.json.encode(told), type=Explanation) == told


def test_a_gradient_too_large_for_an_update_has_the_engines_error() -> None:
    p = passed("scalar", Config(block_size=8), ["emma"])
    p.grads["wte"][0, 0] = 1e200
    with pytest.raises(DivergenceError, match=r"a gradient became 1e\+200 at wte\[0, 0\]"):
        adam_update(p, p.address("wte[0,0]"))


# -- the update and the gradient check


def weights_of(p: Pass, rng: random.Random, most: int = 1) -> list[Address]:
    """Random weights, `most` of every parameter."""
    return [
        Address("value", name, (rng.randrange(rows), rng.randrange(columns)))
        for name, (rows, columns) in shapes(p.config, p.tokenizer.vocab_size).items()
        for _ in range(most)
    ]


def updated(engine: str, p: Pass) -> State:
    """The state after the update that follows the pass."""
    made = create(engine, p.config, p.tokenizer.vocab_size)
    made.load(p.state)
    made.forward(p.tokens)
    made.backward()
    made.update(hyper(p.config, p.step))
    return made.state()


@given(config=any_model, documents=models.documents, seed=st.integers(0, 2**32))
def test_the_update_equals_the_scalar_engines_bit_for_bit(
    config: Config, documents: list[str], seed: int
) -> None:
    rng = random.Random(seed)
    p = passed("scalar", config, documents, step=rng.randrange(config.num_steps))
    after = updated("scalar", p)
    for address in weights_of(p, rng):
        told, at = adam_update(p, address), address.index
        assert told.new_weight == after.params[address.name][at]
        assert (told.new_m, told.new_v) == (after.m[address.name][at], after.v[address.name][at])
        assert explain(p, str(address)).update == told


@pytest.mark.parametrize("step", [0, 1, 5, 100, 999])
def test_the_update_equals_the_fast_engines_within_two_units_in_the_last_place(
    step: int,
) -> None:
    session = Session(Config(), builtin_names(), engine="fast")
    session.run(step)
    at = session.snapshot()
    tokens = session.tokens(session.document(step))
    p = pass_through(session.engine, at.config, at.tokenizer, step, at.state, tokens)
    after = updated("fast", p)
    for address in weights_of(p, random.Random(step), most=100):
        matrix = after.params[address.name]
        largest = max(map(abs, numbers(matrix)))  # an elementwise error has no meaning near zero
        off = abs(adam_update(p, address).new_weight - matrix[address.index])
        assert off <= 2 * math.ulp(largest), (str(address), off / math.ulp(largest))


@given(config=any_model, documents=models.documents, seed=st.integers(0, 2**32))
def test_any_update_of_the_fast_engine_agrees_to_the_last_places_of_weight_and_change(
    config: Config, documents: list[str], seed: int
) -> None:
    rng = random.Random(seed)
    p = passed("fast", config, documents, step=rng.randrange(config.num_steps))
    after = updated("fast", p)
    for address in weights_of(p, rng):
        told = adam_update(p, address)
        off = abs(told.new_weight - after.params[address.name][address.index])
        # each sum of the update costs last places: m and v, whose sums the engines write in other
        # orders, and both bias corrections, 1 − βⁿ
        m_parts = max(abs(told.m), abs(told.g)) / abs(told.new_m) if told.new_m else 0.0
        v_parts = max(told.v, told.g**2) / told.new_v if told.new_v else 0.0
        corrections = 1 / (1 - told.beta1**told.step) + 1 / (1 - told.beta2**told.step)
        change = abs(told.delta) * (m_parts + v_parts + corrections) if told.delta else 0.0
        allowed = 2 * math.ulp(told.weight) + 4 * math.ulp(change)
        assert off <= allowed, (str(address), off / allowed)


@engines
@given(config=any_model, documents=models.documents, seed=st.integers(0, 2**32))
def test_the_gradient_check_agrees_within_its_own_error(
    engine: str, config: Config, documents: list[str], seed: int
) -> None:
    rng = random.Random(seed)
    p = passed(engine, config, documents)
    made = create(engine, config, p.tokenizer.vocab_size)
    for address in rng.sample(weights_of(p, rng), 3):
        check = gradient_check(made, p, address)
        assert check.grad == p.grads[address.name][address.index]
        assert abs(check.slope - check.grad) <= check.error, address
        assert check.switches or check.error < 1e-5, address


def test_a_gradient_check_across_the_kink_of_a_relu_counts_it_and_allows_for_it() -> None:
    p = passed("fast", Config(block_size=8), ["emma"])
    made = create("fast", p.config, p.tokenizer.vocab_size)
    place = Address("value", "layer0.mlp_fc1", (2, 3))
    x, fc1 = p.values["layer0.mlp.norm"][1, 3], p.values["layer0.mlp.fc1"][1, 2]
    p.state.params[place.name][place.index] -= (fc1 - 2e-6 * x) / x  # now fc1 is 2e-6 x
    there = pass_through(made, p.config, p.tokenizer, 0, p.state, p.tokens)
    check = gradient_check(made, there, place)
    assert check.switches == 1
    assert 1e-5 < abs(check.slope - check.grad) <= check.error


def test_only_a_parameter_has_a_gradient_check() -> None:
    p = passed("fast", Config(block_size=8), ["emma"])
    with pytest.raises(AddressError, match="computed, so it cannot be changed"):
        gradient_check(create("fast", p.config, p.tokenizer.vocab_size), p, p.address("embd[0,0]"))


@pytest.mark.parametrize("address", ["loss", "probs[1,2]", "grad:embd[1,0]", "m:wte[1,0]"])
def test_a_notebook_shows_formula_terms_and_lines_and_escapes_a_document(address: str) -> None:
    model = glassgpt.train(['<b>&"', "a<script>"] * 5, steps=9, n_embd=4, n_head=2).model
    told = model.explain(address, "<b>")
    page = Page()
    page.feed(told._repr_html_())
    assert not page.open
    assert page.seen <= {"div", "span", "b", "br", "details", "summary", "table", "tr", "td"}
    assert len(told._repr_html_()) < 16_000
    for breakdown in (told.value, told.gradient):
        assert breakdown.formula in page.text
        for term in breakdown.terms[:12]:
            assert term.label in page.text
            assert term.label in str(told)
    assert told.words in page.text
    assert str(told).startswith(address)
    assert repr(told).startswith(f"Explanation({address} = ")


def test_a_long_sum_is_cut_and_the_rest_is_counted() -> None:
    told = glassgpt.train(steps=1).model.explain("probs[0,0]", "emma")
    left = told.value.terms[12:]
    assert len(left) == 15
    rest = f"and 15 more, which add up to {figure(sum(term.amount for term in left))}"
    assert rest in told._repr_html_()
    assert rest in str(told)
