from __future__ import annotations

import dataclasses
import signal
import threading
import time
from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from glassgpt import Config, Sampling, Session, StepRecord, builtin_names
from glassgpt.engines import ENGINES
from glassgpt.errors import CheckpointError, ConfigError, DivergenceError, EngineError, GlassError
from glassgpt.training.snapshot import from_bytes, to_bytes
from tests.support import models
from tests.support.states import with_weights

SMALL = Config(n_embd=4, n_head=2, num_steps=9)
DOCUMENTS = ["abc", "cab", "bca", "aaa"]
engines = pytest.mark.parametrize("engine", ENGINES)


@engines
@given(
    config=models.configs(),
    documents=models.documents,
    pauses=st.lists(st.integers(0, 3), min_size=3, max_size=3),
)
def test_restore_then_step_equals_the_uninterrupted_run(
    engine: str, config: Config, documents: list[str], pauses: list[int]
) -> None:
    whole = Session(config, documents, engine=engine)
    records = whole.run(3)
    session = Session(config, documents, engine=engine)
    taken: list[StepRecord] = []
    for draws in pauses:  # through bytes and a new session, with other things done in between
        taken += session.run(1)
        snapshot = from_bytes(to_bytes(session.snapshot()))
        list(session.sample(Sampling(num_samples=draws)))
        session = Session.resumed(snapshot, documents, engine=engine)
    assert taken == records
    assert models.weights_of(session.engine.state()) == models.weights_of(whole.engine.state())
    assert list(session.sample()) == list(whole.sample())


@engines
def test_going_back_and_forth_gives_the_same_bits(engine: str) -> None:
    session = Session(SMALL, DOCUMENTS, engine=engine)
    start = session.snapshot()
    first = session.run(5)
    middle = session.snapshot()
    rest = session.run()
    for snapshot, wanted in ((start, first), (middle, rest), (start, first)):
        session.restore(snapshot)
        assert session.run(len(wanted)) == wanted


def test_a_record_says_step_document_loss_and_rate() -> None:
    session = Session(SMALL, DOCUMENTS)
    records = session.run()
    assert [r.step for r in records] == list(range(1, 10))
    assert [r.document for r in records] == [session.documents[i % 4] for i in range(9)]
    assert [r.learning_rate for r in records] == [0.01 * (1 - i / 9) for i in range(9)]
    assert session.steps_left == 0


@pytest.mark.parametrize("steps", [-1, 10])
def test_steps_past_the_end_are_refused(steps: int) -> None:
    with pytest.raises(ConfigError, match=f"{steps} steps were asked for, but 9 are left"):
        Session(SMALL, DOCUMENTS).run(steps)


def test_other_documents_are_refused_by_their_fingerprints() -> None:
    snapshot = Session(SMALL, DOCUMENTS, data_name="mine.txt").snapshot()
    with pytest.raises(CheckpointError, match=r"trained on other documents: 'mine.txt'"):
        Session.resumed(snapshot, [*DOCUMENTS, "abcd"[:3]])


def test_another_model_is_refused() -> None:
    other = Session(replace(SMALL, n_layer=2), DOCUMENTS).snapshot()
    with pytest.raises(ConfigError, match="n_layer is 1 in this run and cannot become 2"):
        Session(SMALL, DOCUMENTS).restore(other)


def test_an_unknown_engine_is_refused_with_the_available_ones() -> None:
    with pytest.raises(EngineError, match=r"no engine 'warp'\nhint: choose one of: .*scalar"):
        Session(SMALL, DOCUMENTS, engine="warp")


def test_a_model_above_the_limit_is_refused_before_it_is_made() -> None:
    with pytest.raises(ConfigError, match=r"model of [\d,]+ parameters; the limit is"):
        Session(Config(n_embd=1024, n_layer=64), DOCUMENTS)


@engines
def test_divergence_keeps_the_steps_before_it_and_names_step_and_document(engine: str) -> None:
    config = Config(learning_rate=1.0)
    session = Session(config, ["a"], engine=engine)
    with pytest.raises(DivergenceError, match=r"stopped at step \d+ \(document 'a'\)") as caught:
        session.run()
    assert session.step == len(caught.value.losses) > 0
    assert f"step {session.step + 1} " in str(caught.value)
    again = Session(config, ["a"], engine=engine)
    records = again.run(session.step)
    assert [record.loss for record in records] == caught.value.losses
    assert to_bytes(again.snapshot()) == to_bytes(session.snapshot())


@engines
def test_samples_begin_with_the_prefix_and_fit_the_context(engine: str) -> None:
    session = Session(SMALL, DOCUMENTS, engine=engine)
    texts = list(session.sample(Sampling(num_samples=30, prefix="ab", temperature=2)))
    assert len(texts) == 30
    assert all(text.startswith("ab") and len(text) <= SMALL.block_size for text in texts)


def test_a_prefix_that_fills_the_context_is_refused() -> None:
    session = Session(replace(SMALL, block_size=3), DOCUMENTS)
    with pytest.raises(ConfigError, match="the prefix has 3 characters, but the context leaves"):
        list(session.sample(Sampling(prefix="abc")))


@engines
def test_ctrl_c_in_the_middle_leaves_a_whole_run(engine: str) -> None:
    config = Config(num_steps=1000 if engine == "scalar" else 1_000_000)
    session = Session(config, builtin_names(), engine=engine)
    main = threading.main_thread().ident
    assert main is not None

    began = time.perf_counter()
    Session(config, builtin_names(), engine=engine).run(3)
    three_steps = time.perf_counter() - began

    def interrupt() -> None:
        time.sleep(max(0.3, 2 * three_steps))
        signal.pthread_kill(main, signal.SIGINT)

    thread = threading.Thread(target=interrupt)
    thread.start()
    with pytest.raises(KeyboardInterrupt):
        session.run()
    thread.join()
    assert 0 < session.step < config.num_steps
    again = Session(config, builtin_names(), engine=engine)
    again.run(session.step)
    assert to_bytes(again.snapshot()) == to_bytes(session.snapshot())
    assert session.run(1) == again.run(1)


def test_weights_can_be_replaced_through_a_snapshot() -> None:
    session = Session(SMALL, DOCUMENTS)
    count = len(models.weights_of(session.engine.state()))
    session.restore(with_weights(session, [0.0] * count))
    assert models.weights_of(session.engine.state()) == [0.0] * count


def test_records_are_plain_values() -> None:
    record = StepRecord(1, "a", 2.0, 0.1)
    with pytest.raises(dataclasses.FrozenInstanceError):
        record.loss = 1.0  # type: ignore[misc]


@pytest.mark.parametrize(
    "make",
    [
        lambda: Session(None, ["a"]),  # type: ignore[arg-type]
        lambda: Session({"n_embd": 4}, ["a"]),  # type: ignore[arg-type]
        lambda: Session(Config(), [1, 2]),  # type: ignore[list-item]
        lambda: Session(Config(), ["a", None]),  # type: ignore[list-item]
        lambda: Session(Config(), 5),  # type: ignore[arg-type]
        lambda: Session(Config(), None),  # type: ignore[arg-type]
        lambda: Session(Config(), [""]),
        lambda: Session(Config(), ["a\ud83d"]),
        lambda: Session(Config(), ["a"], data_name=""),
        lambda: Session(Config(), ["a"], data_name=None),  # type: ignore[arg-type]
        lambda: Session(Config(), ["a"], engine="quick"),
        lambda: Session(Config(), ["a"]).run(1.5),  # type: ignore[arg-type]
        lambda: Session(Config(), ["a"]).run("all"),  # type: ignore[arg-type]
        lambda: Session(Config(), ["a"]).run(-1),
    ],
)
def test_invalid_arguments_of_a_session_are_refused_with_a_sentence(
    make: Callable[[], object],
) -> None:
    with pytest.raises(GlassError):
        make()


def test_a_run_and_its_state_are_shown_in_a_line() -> None:
    session = Session(SMALL, DOCUMENTS, engine="scalar", data_name="some")
    last = f"{SMALL.num_steps:,}"
    assert repr(session) == f"Session(step 0 of {last}, some, by the scalar engine)"
    assert repr(session.snapshot()) == f"Snapshot(step 0 of {last}, some)"
