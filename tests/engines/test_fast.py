"""The promises of the fast engine alone: its speed, its instruction sets, its checks."""

from __future__ import annotations

import random
import threading
from array import array
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given
from hypothesis import strategies as st

from glassgpt import Config, Session
from glassgpt.engines import ENGINES, create, kernel_binding
from glassgpt.engines.fast import FastEngine
from glassgpt.engines.kernel_binding import instruction_sets
from glassgpt.errors import EngineError
from glassgpt.model.config import hyper
from glassgpt.model.tokenizer import TokenLists
from tests.conftest import Golden, Reference
from tests.support import models
from tests.support.states import assert_close, state_bits
from tests.support.tokens import packed, tokens_of

each_instruction_set = pytest.mark.parametrize("isa", instruction_sets())

# fmt: off
SHAPES = {  # sizes that meet every path of the kernel: vocabulary, longest document
    "reference":       (Config(), 27, 17),
    "context of one":  (Config(n_embd=4, n_head=2, block_size=1), 2, 2),
    "four channels":   (Config(n_embd=4, n_head=1, block_size=9), 2, 10),
    "odd heads":       (Config(n_embd=15, n_head=5, block_size=7), 11, 8),
    "odd everything":  (Config(n_embd=21, n_head=3, n_layer=3, block_size=13), 37, 14),
    "wide":            (Config(n_embd=64, n_head=4, block_size=6), 100, 7),
    "wider heads":     (Config(n_embd=48, n_head=2, n_layer=2, block_size=9), 65, 10),
    "long":            (Config(n_embd=16, n_head=4, block_size=70), 27, 71),
    "deep":            (Config(n_embd=8, n_head=2, n_layer=12, block_size=8), 5, 9),
    "many tokens":     (Config(n_embd=8, n_head=2, block_size=6), 5_000, 7),
    "reference sizes, two layers": (Config(n_layer=2), 64, 17),
}
# fmt: on


def pair(isa: str, config: Config, vocab_size: int) -> tuple[FastEngine, FastEngine]:
    from glassgpt.engines.scalar_engine import ScalarEngine

    ours, theirs = FastEngine(config, vocab_size, isa), ScalarEngine(config, vocab_size)
    state = models.random_state(config, vocab_size)
    ours.load(state)
    theirs.load(state)
    return ours, theirs  # type: ignore[return-value]


@each_instruction_set
@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES.keys())
def test_every_shape_equals_the_scalar_engine(isa: str, shape: tuple[Config, int, int]) -> None:
    config, vocab_size, longest = shape
    ours, theirs = pair(isa, config, vocab_size)
    for length in {2, (longest + 2) // 2, longest}:
        tokens = tokens_of(vocab_size, length)
        assert_close(ours.forward(tokens), theirs.forward(tokens))
        a, b = ours.backward(0.5), theirs.backward(0.5)
        assert_close(a.sites, b.sites)
        assert_close(a.params, b.params)
    ours.update(hyper(config, 3))
    theirs.update(hyper(config, 3))
    after = zip(ours.state().groups(), theirs.state().groups(), strict=True)
    for (_, left), (_, right) in after:
        assert_close(left, right)


@each_instruction_set
def test_a_thousand_steps_equal_the_recorded_run(isa: str, reference: Reference) -> None:
    session = Session(Config(), reference.documents, engine="scalar")
    session._engine = FastEngine(Config(), session.tokenizer.vocab_size, isa)
    session.restore(Session(Config(), reference.documents).snapshot())
    losses = session.run().losses
    assert max(abs(a - b) for a, b in zip(losses, reference.losses, strict=True)) <= 1e-12
    weights = models.weights_of(session.engine.state())
    assert max(abs(a - b) for a, b in zip(weights, reference.final, strict=True)) <= 1e-10
    assert list(session.sample()) == reference.samples


def test_golden_runs_are_equal_within_rounding(golden: Golden) -> None:
    session = Session(Config(**golden.settings), golden.documents, engine="fast")
    losses = session.run(len(golden.losses)).losses
    assert losses == pytest.approx(golden.losses, rel=0, abs=1e-12)
    assert models.weights_of(session.engine.state()) == pytest.approx(golden.final, abs=1e-10)


@each_instruction_set
@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES.keys())
def test_run_gives_the_bits_of_inspected_steps(isa: str, shape: tuple[Config, int, int]) -> None:
    config, vocab_size, longest = shape
    documents = [tokens_of(vocab_size, 2 + i % (longest - 1), i) for i in range(5)]
    bulk, single = (FastEngine(config, vocab_size, isa) for _ in range(2))
    state = models.random_state(config, vocab_size)
    bulk.load(state)
    single.load(state)
    losses = bulk.run(packed(*documents), config, 2, 7)
    for step in range(2, 9):
        values = single.forward(documents[step % 5])
        single.backward()
        single.update(hyper(config, step))
        assert values["loss"][()] == losses[step - 2]
    assert state_bits(bulk.state()) == state_bits(single.state())


def test_engines_in_parallel_threads_do_not_touch_each_other() -> None:
    config = Config(n_embd=12, n_head=3, num_steps=300)
    documents = ["abc", "cabba", "bca"]
    alone = Session(config, documents, engine="fast").run().losses
    sessions = [Session(config, documents, engine="fast") for _ in range(8)]
    found: list[list[float]] = []

    def work(session: Session) -> None:
        losses: list[float] = []
        while session.steps_left:
            losses += session.run(min(7, session.steps_left)).losses
        found.append(losses)

    threads = [threading.Thread(target=work, args=(session,)) for session in sessions]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [alone] * 8


@pytest.mark.parametrize("name", ENGINES)
def test_an_engine_that_threads_share_refuses_all_but_one(name: str) -> None:
    config, documents = Config(n_embd=8, n_head=2), packed([2, 0, 1, 2], [2, 1, 2])
    engine = create(name, config, 3)
    engine.load(models.random_state(config, 3))
    calls: list[Callable[[], object]] = [
        lambda: engine.run(documents, config, 0, 50),
        lambda: engine.forward([2, 0, 1, 2]),
        lambda: engine.load(models.random_state(config, 3)),
        lambda: engine.logits([2, 0]),
        lambda: engine.evaluate(documents),
        engine.state,
    ]
    told: list[str] = []

    def work(seed: int) -> None:
        for call in random.Random(seed).choices(calls, k=60 if name == "fast" else 6):
            try:
                call()
                told.append("done")
            except EngineError as error:
                told.append(error.what)

    threads = [threading.Thread(target=work, args=(seed,)) for seed in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert set(told) <= {"done", "this engine is in use by another thread"}
    assert "done" in told
    engine.run(documents, config, 0, 1)


@pytest.mark.parametrize("name", ENGINES)
def test_a_second_thread_gets_a_sentence_at_once(name: str) -> None:
    config = Config(n_embd=4, n_head=2)
    engine = create(name, config, 3)
    with engine._lock, ThreadPoolExecutor(1) as pool:  # type: ignore[attr-defined]
        with pytest.raises(EngineError, match="in use by another thread"):
            pool.submit(engine.state).result()
        engine.state()  # the thread that works with it may continue


@pytest.mark.parametrize(
    "documents",
    [
        TokenLists(array("i", [2, 0, 3, 2]), array("q", [0, 4])),  # an unknown token
        TokenLists(array("i", [2, -1, 2]), array("q", [0, 3])),  # a negative one
        TokenLists(array("i", [2]), array("q", [0, 1])),  # nothing to predict
        TokenLists(array("i", [2, 0, 0, 0, 0, 2]), array("q", [0, 6])),  # longer than the context
        TokenLists(array("i", [2, 0, 2]), array("q", [0, 4])),  # past the end
        TokenLists(array("i", [2, 0, 2]), array("q", [-1, 2])),  # before the start
        TokenLists(array("i", [2, 0, 2]), array("q", [2, 0])),  # backwards
    ],
)
def test_the_kernel_never_sees_documents_that_do_not_fit(documents: TokenLists) -> None:
    config = Config(n_embd=4, n_head=2, block_size=4)
    engine = FastEngine(config, 3)
    engine.load(models.random_state(config, 3))
    for call in (
        lambda: engine.run(documents, config, 0, 1),
        lambda: engine.evaluate(documents),
    ):
        with pytest.raises(EngineError, match=r"a document does not|a token is outside"):
            call()


@pytest.mark.parametrize("tokens", [[], [2], [2, 3], [2, -1], [2, 0, 0, 0, 0, 2]])
def test_the_kernel_never_sees_tokens_that_do_not_fit(tokens: list[int]) -> None:
    engine = FastEngine(Config(n_embd=4, n_head=2, block_size=4), 3)
    with pytest.raises(EngineError, match=r"tokens, not 2 to 5|outside the vocabulary"):
        engine.forward(tokens)
    with pytest.raises(EngineError, match="needs a forward before it"):
        engine.backward()


def test_packed_tokens_are_copies_of_the_right_width() -> None:
    narrow = TokenLists(array("b", [2, 0, 2]), array("i", [0, 3]))
    config = Config(n_embd=4, n_head=2, block_size=4)
    engine = FastEngine(config, 3)
    engine.load(models.random_state(config, 3))
    assert engine.evaluate(narrow) == engine.evaluate(packed([2, 0, 2]))
    with pytest.raises(TypeError, match="read-only"):
        narrow.tokens[1] = 2_000_000_000


def test_steps_before_the_first_are_refused() -> None:
    config = Config(n_embd=4, n_head=2, block_size=4)
    engine = FastEngine(config, 3)
    engine.load(models.random_state(config, 3))
    with pytest.raises(EngineError, match="1 steps from step -1"):
        engine.run(packed([2, 0, 2]), config, -1, 1)
    engine.forward([2, 0, 2])
    engine.backward()
    with pytest.raises(EngineError, match="step 0, but updates count from 1"):
        engine.update(hyper(config, -1))


def test_a_run_of_no_documents_is_refused() -> None:
    config = Config(n_embd=4, n_head=2)
    engine = FastEngine(config, 3)
    with pytest.raises(EngineError, match="no documents to train on"):
        engine.run(TokenLists(array("i"), array("q", [0])), config, 0, 1)


def test_a_state_of_other_shapes_is_refused() -> None:
    engine = FastEngine(Config(n_embd=4, n_head=2), 3)
    with pytest.raises(EngineError, match=r"params wte is \(3, 8\), not \(3, 4\)"):
        engine.load(models.random_state(Config(n_embd=8, n_head=2), 3))


def test_an_instruction_set_can_be_forced_and_an_unknown_one_is_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    narrowest = instruction_sets()[-1]
    monkeypatch.setenv("GLASSGPT_ISA", narrowest)
    assert FastEngine(Config(), 27).instruction_set == narrowest
    monkeypatch.setenv("GLASSGPT_ISA", "mmx")
    with pytest.raises(
        EngineError,
        match=r"instruction set 'mmx' is not available on this machine\nhint: choose one of: ",
    ):
        FastEngine(Config(), 27)


def test_a_model_that_needs_too_much_memory_is_refused_with_its_size() -> None:
    config = Config(n_layer=64, n_embd=256, block_size=1024)
    with pytest.raises(EngineError, match=r"needs [\d.]+ GiB, more than is free"):
        FastEngine(config, 27)


def test_without_a_kernel_the_scalar_engine_serves_and_says_why(
    monkeypatch: pytest.MonkeyPatch, tmp_path
) -> None:
    from glassgpt.engines import default_engine

    kernel_binding.library.cache_clear()
    monkeypatch.setattr(kernel_binding, "FOLDER", tmp_path)
    try:
        name, why = default_engine()
        assert name == "scalar"
        assert "kernel cannot be loaded: it was not built" in why
        assert "install a C compiler" in why
        assert Session(Config(n_embd=4), ["ab"]).engine.name == "scalar"
    finally:
        monkeypatch.undo()
        kernel_binding.library.cache_clear()


@given(
    config=models.configs(max_width=40, max_layers=3),
    vocab_size=st.integers(2, 70),
    seed=st.integers(0, 99),
    isa=st.sampled_from(instruction_sets()),
)
def test_any_model_equals_the_scalar_engine(
    config: Config, vocab_size: int, seed: int, isa: str
) -> None:
    ours, theirs = pair(isa, config, vocab_size)
    tokens = tokens_of(vocab_size, 2 + seed % config.block_size, seed)
    assert_close(ours.forward(tokens), theirs.forward(tokens))
    a, b = ours.backward(), theirs.backward()
    assert_close(a.sites, b.sites)
    assert_close(a.params, b.params)


def test_another_instruction_set_agrees_within_rounding() -> None:
    runs = []
    for isa in instruction_sets():
        engine = FastEngine(Config(), 27, isa)
        engine.load(models.still_state(models.random_state(Config(), 27)))
        documents = packed(*(tokens_of(27, 3 + i, i) for i in range(12)))
        runs.append(engine.run(documents, Config(), 0, 50))
    for run in runs[1:]:
        assert run == pytest.approx(runs[0], rel=0, abs=1e-12)
    assert all(len(run) == 50 for run in runs)
