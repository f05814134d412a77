"""The probe: it shows what the engine computes, and reading changes nothing."""

from __future__ import annotations

import math
import random

import pytest

from glassgpt import Config, Sampling, Session
from glassgpt.analysis.probe import EXACT_CELLS, LARGEST, Probe, narrowed, reduced
from glassgpt.arrays import array, numbers, shape, zeros
from glassgpt.engines import create
from glassgpt.model.state import State

DOCUMENTS = ["ab", "ba", "abba", "baab", "aab"]
SMALL = Config(n_embd=4, n_head=2, block_size=4, num_steps=60)


@pytest.fixture
def session() -> Session:
    session = Session(SMALL, DOCUMENTS, engine="scalar")
    session.run(5)
    return session


@pytest.fixture
def probe(session: Session) -> Probe:
    return Probe("scalar", SMALL, session.tokenizer)


def test_values_gradients_and_moments_are_the_engines(session: Session, probe: Probe) -> None:
    tokens = session.tokens("abba")
    state = session.engine.state()
    engine = create("scalar", SMALL, session.tokenizer.vocab_size)
    engine.load(state)
    sites, gradients = engine.forward(tokens), engine.backward()
    wanted = {
        "value:layer0.attn.q": sites["layer0.attn.q"],
        "value:wte": state.params["wte"],
        "grad:probs": gradients.sites["probs"],
        "grad:layer0.mlp_fc1": gradients.params["layer0.mlp_fc1"],
        "m:wpe": state.m["wpe"],
        "v:lm_head": state.v["lm_head"],
    }
    seen = probe.look(list(wanted), state, None, tokens)
    assert {name: numbers(a) for name, a in seen.items()} == {
        name: numbers(a) for name, a in wanted.items()
    }


def test_delta_is_the_change_by_the_last_update(session: Session, probe: Probe) -> None:
    before = session.engine.state().params
    session.run(1)
    state = session.engine.state()
    tokens = session.tokens("ab")
    seen = probe.look(["delta:wte", "delta:layer0.attn.scores"], state, before, tokens)
    assert numbers(seen["delta:wte"]) == [
        a - b for a, b in zip(numbers(state.params["wte"]), numbers(before["wte"]), strict=True)
    ]
    engine = create("scalar", SMALL, session.tokenizer.vocab_size)
    engine.load(state)
    new = numbers(engine.forward(tokens)["layer0.attn.scores"])
    engine.load(State(before, state.m, state.v))
    old = numbers(engine.forward(tokens)["layer0.attn.scores"])
    for told, a, b in zip(numbers(seen["delta:layer0.attn.scores"]), new, old, strict=True):
        assert told == (-math.inf if a == -math.inf else a - b)


def test_reading_does_not_change_the_run(session: Session, probe: Probe) -> None:
    straight = Session(SMALL, DOCUMENTS, engine="scalar")
    straight.run(5)
    tokens = session.tokens("ba")
    for _ in range(3):
        probe.look(["grad:wte", "delta:wte", "value:probs"], session.engine.state(), None, tokens)
        list(probe.write(session.engine.state(), Sampling(), random.Random(1)))
        assert list(session.run(2)) == list(straight.run(2))


def test_an_unknown_update_is_left_out(session: Session, probe: Probe) -> None:
    assert probe.look(["delta:wte"], session.engine.state(), None, session.tokens("ab")) == {}


def test_samples_are_those_of_the_run(session: Session, probe: Probe) -> None:
    stream = random.Random()
    stream.setstate(session.rng.getstate())
    written = [one.text for one in probe.write(session.engine.state(), Sampling(), stream)]
    assert written == list(session.sample(Sampling()))


def test_a_sample_is_spelled_as_it_was_written(session: Session, probe: Probe) -> None:
    state = session.engine.state()
    sampling = Sampling(temperature=0.7, num_samples=6, prefix="a")
    written = list(probe.write(state, sampling, random.Random(3)))
    for index, one in enumerate(written):
        spelled = probe.spell(state, sampling, random.Random(3), index)
        assert spelled.text == one.text
        probs, points = spelled.arrays["probs"], spelled.arrays["points"]
        likely = 1.0
        for draw, token in enumerate(spelled.tokens):
            row = [probs[draw, i] for i in range(3)]
            likely *= row[token]
            below = sum(row[:token])
            assert below <= points[draw] * sum(row) <= below + row[token]
        assert likely == pytest.approx(one.probability)


def test_at_temperature_0_each_token_is_certain_and_the_likeliest(
    session: Session, probe: Probe
) -> None:
    state, sampling = session.engine.state(), Sampling(temperature=0, num_samples=2)
    first, second = probe.write(state, sampling, random.Random(3))
    assert first == second
    assert first.probability == 1
    spelled = probe.spell(state, sampling, random.Random(3), 0)
    logits, probs = spelled.arrays["logits"], spelled.arrays["probs"]
    for draw, token in enumerate(spelled.tokens):
        row = [logits[draw, i] for i in range(3)]
        assert token == row.index(max(row))
        assert [probs[draw, i] for i in range(3)] == [float(i == token) for i in range(3)]


@pytest.mark.parametrize(
    ("name", "known"),
    [
        ("value:wte", True),
        ("m:wte", True),
        ("grad:logits", True),
        ("m:logits", False),
        ("wte", False),
        ("value:layer9.attn.q", False),
        ("", False),
    ],
)
def test_only_names_of_arrays_can_be_watched(probe: Probe, name: str, known: bool) -> None:
    assert probe.knows(name) == known


def test_huge_arrays_are_sent_as_float32() -> None:
    assert narrowed(zeros((2, 3))).format == "d"
    wide = narrowed(zeros((EXACT_CELLS + 1, 1)))
    assert wide.format == "f"
    assert wide.shape == (EXACT_CELLS + 1, 1)


def test_a_large_parameter_is_reduced_to_the_largest_number_of_each_block() -> None:
    rows, cols = 2 * LARGEST + 3, LARGEST + 1
    rng = random.Random(7)
    a = array((rng.gauss(0, 1) for _ in range(rows * cols)), (rows, cols))
    small = reduced(a)
    assert shape(small) == (-(-rows // 3), -(-cols // 2))
    for r, c in ((0, 0), (100, 17), (shape(small)[0] - 1, shape(small)[1] - 1)):
        block = [
            a[i, j]
            for i in range(3 * r, min(rows, 3 * r + 3))
            for j in range(2 * c, min(cols, 2 * c + 2))
        ]
        assert small[r, c] == max(block, key=abs)
    assert reduced(zeros((3, 5))).shape == (3, 5)


def test_one_cell_can_be_watched_exactly(session: Session, probe: Probe) -> None:
    state = session.engine.state()
    names = ["value:wte[2,1]", "grad:wte[2,1]", "value:wte[9,9]", "value:wte[x]"]
    seen = probe.look([*names, "grad:wte"], state, None, session.tokens("ab"))
    assert set(seen) == {*names[:2], "grad:wte"}
    assert seen["value:wte[2,1]"][()] == state.params["wte"][2, 1]
    assert seen["grad:wte[2,1]"][()] == seen["grad:wte"][2, 1]
    assert [probe.knows(name) for name in names] == [True] * 4
