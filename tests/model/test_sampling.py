from __future__ import annotations

import math
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from glassgpt.errors import DivergenceError
from glassgpt.model.sampling import generate, probabilities

logit_lists = st.lists(st.floats(-50, 50), min_size=1, max_size=30)


@given(logits=logit_lists, temperature=st.floats(0.01, 100))
def test_probabilities_are_a_softmax_of_the_tempered_logits(
    logits: list[float], temperature: float
) -> None:
    probs = probabilities(logits, temperature)
    assert math.fsum(probs) == pytest.approx(1)
    largest = max(logits)
    weights = [math.exp((logit - largest) / temperature) for logit in logits]
    wanted = [w / math.fsum(weights) for w in weights]
    assert probs == pytest.approx(wanted, rel=1e-6, abs=1e-12)


@given(logits=logit_lists)
def test_a_low_temperature_sharpens_the_distribution_and_a_high_one_flattens_it(
    logits: list[float],
) -> None:
    best = logits.index(max(logits))
    low, high = probabilities(logits, 0.1)[best], probabilities(logits, 10)[best]
    assert low >= high * (1 - 1e-12)


@given(logits=logit_lists)
def test_temperature_0_is_the_limit_and_takes_the_lowest_id_of_equals(logits: list[float]) -> None:
    probs = probabilities(logits, 0)
    best = logits.index(max(logits))
    assert probs == [float(token == best) for token in range(len(logits))]
    shares = probabilities(logits, 1e-12)
    equals = [token for token, logit in enumerate(logits) if logit > max(logits) - 1e-11]
    assert math.fsum(shares[token] for token in equals) == pytest.approx(1)


@given(
    logits=st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=1, max_size=9),
    temperature=st.floats(0, 100) | st.sampled_from([5e-324, 1e-310, 1e-300, 1e-100]),
)
def test_no_logits_and_no_temperature_are_too_large_or_too_small(
    logits: list[float], temperature: float
) -> None:
    probs = probabilities(logits, temperature)
    assert math.fsum(probs) == pytest.approx(1)
    assert probs[logits.index(max(logits))] == max(probs) > 0


def test_a_greedy_text_takes_the_likeliest_and_as_many_numbers_of_the_stream() -> None:
    rng, other = random.Random(1), random.Random(1)
    drawn = list(generate(lambda tokens: [1.0, 1.0, len(tokens) - 3.0], 2, 9, 0, rng))
    assert [draw.token for draw in drawn] == [0, 0, 0, 0, 2]
    assert [draw.probs[draw.token] for draw in drawn] == [1.0] * 5
    for _ in drawn:
        other.random()
    assert rng.getstate() == other.getstate()


def test_a_text_ends_at_bos_or_with_a_full_context() -> None:
    def certain(token: int):
        return lambda _tokens: [100.0 if i == token else 0.0 for i in range(3)]

    rng = random.Random(0)
    assert [d.token for d in generate(certain(2), 2, 5, 1.0, rng)] == [2]
    assert [d.token for d in generate(certain(1), 2, 5, 1.0, rng)] == [1] * 5
    assert [d.token for d in generate(certain(1), 2, 5, 1.0, rng, [0, 0])] == [1] * 3


def test_each_draw_takes_one_number_of_the_stream() -> None:
    rng, other = random.Random(1), random.Random(1)
    drawn = list(generate(lambda _tokens: [0.0, 0.0, -1e9], 2, 7, 1.0, rng))
    for _ in drawn:
        other.random()
    assert rng.getstate() == other.getstate()


def test_a_logit_that_is_not_finite_is_named() -> None:
    with pytest.raises(DivergenceError, match=r"a logit is nan at logits\[0, 1\]"):
        list(generate(lambda _tokens: [0.0, math.nan], 1, 3, 1.0, random.Random(0)))
