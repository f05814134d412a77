"""Small random models for property tests: settings, documents, and their weights."""

from __future__ import annotations

import random

from hypothesis import strategies as st

from glassgpt import Config
from glassgpt.arrays import array, numbers, shape, zeros
from glassgpt.model import parameters as params
from glassgpt.model.state import State
from glassgpt.training.interventions import (
    TUNED,
    Ablate,
    Change,
    Edit,
    Intervention,
    Part,
    StopAblating,
    Tune,
)

ALPHABET = "abcxyzäß漢🙂 "


@st.composite
def configs(draw: st.DrawFn, *, max_layers: int = 2, max_width: int = 8) -> Config:
    """Settings of a small model with sizes of every parity, calm enough to train."""
    n_head = draw(st.integers(1, 3))
    # with one channel a norm is ±1 and its gradient what rounding left over: nothing to compare
    n_embd = n_head * draw(st.integers(2 if n_head == 1 else 1, max_width // n_head))
    return Config(
        n_layer=draw(st.integers(1, max_layers)),
        n_embd=n_embd,
        n_head=n_head,
        block_size=draw(st.integers(1, 7)),
        num_steps=draw(st.integers(3, 20)),
        learning_rate=draw(st.floats(0, 0.02)),
        beta1=draw(st.floats(0, 0.99)),
        beta2=draw(st.floats(0.5, 0.999)),
        eps=draw(st.sampled_from([1e-8, 1e-4])),
        # wider weights saturate a softmax, whose gradient is then a difference of equal numbers
        init_std=draw(st.floats(0.02, 0.2)),
        seed=draw(st.integers(0, 2**32 - 1)),
    )


documents = st.lists(
    st.text(ALPHABET, min_size=1, max_size=9).map(str.strip).filter(bool), min_size=1, max_size=6
)


# any sequence of interventions, whether it fits a model or not
_whole = st.integers(0, 9999)
_floats = st.floats(allow_nan=False, allow_infinity=False)
_rates = st.sampled_from([name for name in TUNED if name != "num_steps"])
_parts: st.SearchStrategy[Part] = st.sampled_from(["head", "neuron"])
_changes: st.SearchStrategy[Change] = st.one_of(
    st.dictionaries(_rates, _floats, min_size=1).map(lambda t: Tune(tuple(t.items()))),
    _whole.map(lambda n: Tune((("num_steps", n),))),
    st.builds(Edit, st.sampled_from(["wte", "layer0.attn_wq"]), _whole, _whole, _floats),
    st.builds(Ablate, _parts, _whole, _whole, st.booleans()),
    st.builds(Ablate, st.just("position"), hold=st.booleans()),
    st.builds(StopAblating, _parts, _whole, _whole) | st.just(StopAblating("position")),
)
recipes = st.lists(st.builds(Intervention, _whole, _changes), max_size=9).map(tuple)


def random_state(config: Config, vocab_size: int, seed: int = 0) -> State:
    """Random weights, and moments that are not zero."""
    rng = random.Random(seed)
    weights = params.initial(config, vocab_size, rng)
    m = {n: array((rng.gauss(0, 0.1) for _ in numbers(a)), shape(a)) for n, a in weights.items()}
    v = {n: array((rng.random() * 0.1 for _ in numbers(a)), shape(a)) for n, a in weights.items()}
    return State(weights, m, v)


def still_state(state: State) -> State:
    """The same weights, with moments of zero."""
    zero = {name: zeros(shape(a)) for name, a in state.params.items()}
    return State(state.params, zero, zero)


def weights_of(state: State) -> list[float]:
    """All weights, flat, in parameter order."""
    return [number for a in state.params.values() for number in numbers(a)]


@st.composite
def damaged(draw: st.DrawFn, octets: bytes) -> bytes:
    """The bytes after some accidents: bits flipped, pieces cut, zeroed, doubled or swapped."""
    for _ in range(draw(st.integers(1, 3))):
        begin, end = sorted(draw(st.tuples(*2 * [st.integers(0, len(octets))])))
        piece = octets[begin:end]
        kind = draw(st.sampled_from(["flip", "byte", "cut", "end", "zero", "double", "swap"]))
        if kind in ("flip", "byte") and begin < len(octets):
            low = 1 << draw(st.integers(0, 7)) if kind == "flip" else draw(st.integers(0, 255))
            piece = bytes([octets[begin] ^ low])
            end = begin + 1
        elif kind == "swap":
            half = len(piece) // 2
            piece = piece[half : 2 * half] + piece[:half] + piece[2 * half :]
        else:
            piece = {"cut": b"", "zero": bytes(len(piece)), "double": piece * 2}.get(kind, piece)
        octets = octets[:begin] + piece + (b"" if kind == "end" else octets[end:])
    return octets
