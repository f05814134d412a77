"""Autograd on single numbers: every operation against central differences, and the graph itself."""

from __future__ import annotations

import gc
import math
import sys
import threading
import tracemalloc
from collections.abc import Callable

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from glassgpt import Config, GlassError, Session, builtin_names
from glassgpt.engines import create
from glassgpt.engines.gc_pause import gc_paused
from glassgpt.engines.graph import children, graph_size, local_grads
from glassgpt.engines.scalar import Value, dot, softmax
from glassgpt.engines.scalar_engine import ScalarEngine
from glassgpt.errors import DivergenceError
from glassgpt.model.config import hyper
from tests.conftest import Reference
from tests.support import models

near = st.floats(-3, 3).filter(lambda x: abs(x) > 1e-2)
positive = st.floats(0.1, 3)

OPERATIONS: dict[str, Callable[..., Value]] = {
    "x + y": lambda x, y: x + y,
    "x × y": lambda x, y: x * y,
    "x − y": lambda x, y: x - y,
    "x / y": lambda x, y: x / y,
    "−x": lambda x, y: -x,
    "x + 2": lambda x, y: x + 2,
    "2 + x": lambda x, y: 2 + x,
    "2 × x": lambda x, y: 2 * x,
    "2 − x": lambda x, y: 2 - x,
    "2 / x": lambda x, y: 2 / x,
    "x / 3": lambda x, y: x / 3,
    "x ** 3": lambda x, y: x**3,
    "x ** −1": lambda x, y: x**-1,
    "(x·x) ** −0.5": lambda x, y: (x * x) ** -0.5,
    "exp x": lambda x, y: x.exp(),
    "log (x·x)": lambda x, y: (x * x).log(),
    "relu x": lambda x, y: x.relu(),
    "x used twice": lambda x, y: x * y + x.exp() * x,
    "dot": lambda x, y: dot([x, y, x], [y, y, x]),
    "softmax": lambda x, y: softmax([x, y, x * y])[1],
}


@pytest.mark.parametrize("operation", OPERATIONS.values(), ids=OPERATIONS.keys())
@given(x=near, y=near)
def test_every_gradient_agrees_with_central_differences(
    operation: Callable[..., Value], x: float, y: float
) -> None:
    h = 1e-5
    a, b = Value(x), Value(y)
    result = operation(a, b)
    result.backward()

    def f(x: float, y: float) -> float:
        return operation(Value(x), Value(y)).data

    scale = max(1.0, abs(result.data), abs(a.grad), abs(b.grad))
    assume(scale < 1e6)
    assert a.grad == pytest.approx((f(x + h, y) - f(x - h, y)) / (2 * h), abs=1e-4 * scale)
    assert b.grad == pytest.approx((f(x, y + h) - f(x, y - h)) / (2 * h), abs=1e-4 * scale)


@given(st.lists(st.tuples(near, near), min_size=1, max_size=9))
def test_dot_makes_the_nodes_that_operators_make(pairs: list[tuple[float, float]]) -> None:
    a, b = [Value(x) for x, _ in pairs], [Value(y) for _, y in pairs]
    ours, plain = dot(a, b), sum(x * y for x, y in zip(a, b))
    assert isinstance(plain, Value)
    facts = [
        [
            (n.op, n.data, local_grads(n), [c.data for c in children(n)])
            for n in v.topological_order()
        ]
        for v in (ours, plain)
    ]
    assert facts[0] == facts[1]


def test_a_value_shows_how_it_was_made() -> None:
    x, y = Value(3.0), Value(-2.0)
    z = x * y
    assert (children(z), local_grads(z), z.op) == ((x, y), (-2.0, 3.0), "×")
    assert (children(x), local_grads(x)) == ((), ())
    assert local_grads(x.exp()) == (math.exp(3.0),)


def test_the_graph_of_step_one_has_the_originals_nodes_and_edges(reference: Reference) -> None:
    session = Session(Config(), reference.documents, engine="scalar")
    session.run(1)
    assert isinstance(session.engine, ScalarEngine)
    inner = session.engine.node("loss", ()).topological_order()
    nodes = set(inner).union(*(children(node) for node in inner))
    assert (len(nodes), sum(len(children(node)) for node in inner)) == (59_647, 107_060)


@given(config=models.configs(), text=st.text("abc", min_size=1, max_size=8))
def test_the_predicted_graph_size_is_exact(config: Config, text: str) -> None:
    session = Session(config, ["abc", text], engine="scalar")
    assert isinstance(session.engine, ScalarEngine)
    tokens = session.tokens(text)
    session.engine.forward(tokens)
    inner = session.engine.node("loss", ()).topological_order()
    nodes = set(inner).union(*(children(node) for node in inner))
    distinct = len(set(tokens[:-1]))
    size = graph_size(config, session.tokenizer.vocab_size, len(tokens) - 1, distinct)
    assert size == len(nodes)


def test_the_graph_is_kept_after_a_step() -> None:
    session = Session(Config(), builtin_names(), engine="scalar")
    engine = session.engine
    assert isinstance(engine, ScalarEngine)
    tokens = session.tokens(session.document(0))
    before = engine.state()
    record = session.run(1)[0]
    assert engine.node("loss", ()).data == record.loss
    assert engine.node("loss", ()).grad == 1.0
    query = engine.node("layer0.attn.q", (3, 7))
    weight = engine.node("layer0.attn_wq", (7, 0))
    assert weight.data == before.params["layer0.attn_wq"][7, 0]  # what the step was made with
    assert weight.grad != 0
    # the first product in the query's sum is this very weight times the norm's first channel
    node = query
    while node.left is not None and node.left.op == "+":
        node = node.left
    assert node.left is not None
    assert children(node.left) == (weight, engine.node("layer0.attn.norm", (3, 0)))
    assert engine.node("tok", (0, 5)) is engine.node("wte", (tokens[0], 5))


def test_twelve_layers_train_within_the_recursion_limit() -> None:
    config = Config(n_layer=12, n_embd=4, n_head=2, block_size=8, num_steps=2)
    limit = sys.getrecursionlimit()
    session = Session(config, ["abcdefgh", "hgfedcba"], engine="scalar")
    assert all(math.isfinite(record.loss) for record in session.run())
    assert sys.getrecursionlimit() == limit


def test_memory_does_not_grow_with_steps() -> None:
    session = Session(Config(n_embd=8, block_size=8), ["memory", "steady"] * 3, engine="scalar")
    session.run(3)
    tracemalloc.start()
    try:
        sizes = []
        for _ in range(4):
            session.run(5)
            sizes.append(tracemalloc.get_traced_memory()[0])
    finally:
        tracemalloc.stop()
    assert max(sizes[1:]) < 1.05 * sizes[1]


def test_an_absurdly_large_model_is_refused_with_its_size() -> None:
    with pytest.raises(
        GlassError, match=r"graph of [\d,]+ nodes; the limit of the scalar engine is"
    ):
        create("scalar", Config(n_embd=256, block_size=256), 27)


def test_the_collector_is_paused_inside_and_back_outside() -> None:
    assert gc.isenabled()
    with gc_paused():
        with gc_paused():
            assert not gc.isenabled()
        assert not gc.isenabled()
    assert gc.isenabled()


def test_pauses_of_several_threads_are_counted() -> None:
    inside, leave = threading.Event(), threading.Event()

    def hold() -> None:
        with gc_paused():
            inside.set()
            leave.wait(10)

    thread = threading.Thread(target=hold)
    with gc_paused():
        thread.start()
        assert inside.wait(10)
    assert not gc.isenabled()  # the other thread still needs the pause
    leave.set()
    thread.join()
    assert gc.isenabled()


def test_a_collector_that_was_off_stays_off() -> None:
    gc.disable()
    try:
        with gc_paused():
            pass
        assert not gc.isenabled()
    finally:
        gc.enable()


def test_a_huge_gradient_stops_the_update_and_names_the_weight() -> None:
    config = Config(n_embd=4, n_head=1, block_size=4)
    engine = ScalarEngine(config, 4)
    state = models.random_state(config, 4)
    engine.load(state)
    engine.forward([3, 0, 1, 3])
    engine.backward(1e200)
    with pytest.raises(DivergenceError, match=r"a gradient became .* at wte\["):
        engine.update(hyper(config, 0))
    assert models.weights_of(engine.state()) == models.weights_of(state)
