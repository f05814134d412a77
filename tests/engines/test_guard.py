"""Any arguments of an engine: a result or an error of ours, and an engine that still works."""

from __future__ import annotations

import math
from array import array
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from glassgpt import Config
from glassgpt.arrays import numbers
from glassgpt.engines import ENGINES, create
from glassgpt.errors import EngineError, GlassError
from glassgpt.model.config import Hyper, hyper
from glassgpt.model.parameters import Block
from glassgpt.model.state import State
from glassgpt.model.tokenizer import TokenLists
from tests.support import models
from tests.support.tokens import packed

CONFIG = Config(n_embd=4, n_head=2, block_size=4, num_steps=9)
TOKENS = [2, 0, 1, 2]

_whole = st.sampled_from([0, 1, -1, 2, 5, 2**31, 2**63, 2**70, -(2**31), 10**400, True])
_real = st.floats() | st.sampled_from([0.5, 1e308, -1e308, 1e-320])
_junk: st.SearchStrategy[Any] = (
    _whole | _real | st.sampled_from([None, "wte", b"ab", (), (0, 0), [0], {}, object()])
)
_state = models.random_state(CONFIG, 3)
_narrow = memoryview(array("f", [0] * 12)).cast("B").cast("f", (3, 4))
_states = st.integers(0, 8).map(
    lambda i: [
        _state,
        State({}, {}, {}),
        State(_state.params, _state.m, {}),
        models.random_state(Config(n_embd=8, n_head=2), 3),
        State({**_state.params, "wte": memoryview(bytes(96))}, _state.m, _state.v),
        State({**_state.params, "wte": None}, _state.m, _state.v),  # type: ignore[dict-item]
        State(None, _state.m, _state.v),  # type: ignore[arg-type]
        State({**_state.params, "wte": _narrow}, _state.m, _state.v),
        State(_state.params, _state.m, 5),  # type: ignore[arg-type]
    ][i]
)
_tokens = st.lists(st.integers(-2, 4) | _junk, max_size=7) | st.just(TOKENS)
_documents = st.integers(0, 8).map(
    lambda i: [
        packed(TOKENS),
        packed([2, 0, 2], [2, 2]),
        packed(),
        packed([2]),
        packed([0, 1, 2, 3]),
        TokenLists([], []),
        TokenLists([], [0]),
        TokenLists([2, 0, 2], [0, 9]),
        TokenLists([2, 0], [2, 0]),
    ][i]
)
_block = st.builds(
    Block, st.sampled_from(["wte", "wpe", "no", 5]), *4 * [_junk | st.integers(0, 4)]
)
_hyper = st.builds(Hyper, _junk | st.integers(1, 9), *4 * [_junk | st.floats(0, 1)])
_any = _junk | _states | _tokens | _documents | _block | _hyper | st.just(CONFIG)

# each method's arguments, likely ones and any
METHODS: dict[str, list[st.SearchStrategy[Any]]] = {
    "load": [_states],
    "state": [],
    "weight": [st.sampled_from(["wte", "no"]), st.tuples(st.integers(-1, 5), st.integers(-1, 5))],
    "fill": [_block, _real],
    "forward": [_tokens],
    "backward": [_real],
    "update": [_hyper | st.just(hyper(CONFIG, 0))],
    "run": [_documents, st.just(CONFIG), st.integers(-1, 20), st.integers(-1, 3)],
    "logits": [_tokens],
    "evaluate": [_documents],
}
calls = st.sampled_from(sorted(METHODS)).flatmap(
    lambda name: st.tuples(st.just(name), *(likely | _any for likely in METHODS[name]))
)


@pytest.mark.parametrize("name", ENGINES)
@given(calls=st.lists(calls, max_size=12))
def test_any_arguments_give_a_result_or_an_error_of_ours(
    name: str, calls: list[tuple[Any, ...]]
) -> None:
    engine = create(name, CONFIG, 3)
    for method, *arguments in calls:
        try:
            getattr(engine, method)(*arguments)
        except GlassError as error:
            hint = error.hint
            assert hint
    engine.load(_state)  # and it works as before
    assert all(map(math.isfinite, engine.run(packed(TOKENS), CONFIG, 0, 2)))
    assert all(map(math.isfinite, numbers(engine.state().params["wte"])))


@pytest.mark.parametrize("name", ENGINES)
@given(config=_any, vocab_size=_whole | _any)
def test_an_engine_of_any_arguments_is_made_or_refused_with_a_sentence(
    name: str, config: Any, vocab_size: Any
) -> None:
    if config == CONFIG and vocab_size in (2, 5):
        return
    with pytest.raises(EngineError):
        create(name, config, vocab_size)
