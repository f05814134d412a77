"""The scalar engine equals microgpt.py: the recorded run, the oracle, and our golden data."""

from __future__ import annotations

import platform

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from glassgpt import Config, Sampling, Session
from tests.conftest import Golden, Reference
from tests.support import models, oracle
from tests.support.states import with_weights

# exp and log differ in the last bit between C libraries
SAME_LIBRARY = platform.libc_ver()[0] == "glibc"


@pytest.mark.slow
def test_a_thousand_steps_equal_the_recorded_run_bit_for_bit(reference: Reference) -> None:
    session = Session(Config(), reference.documents, engine="scalar")
    assert [record.loss for record in session.run()] == reference.losses
    assert models.weights_of(session.engine.state()) == reference.final
    assert list(session.sample()) == reference.samples


def test_the_oracle_equals_the_recorded_run(reference: Reference) -> None:
    run = oracle.train_quickly(reference.documents, 20, num_samples=0)
    assert run.losses == reference.losses[:20]


@pytest.mark.skipif(not SAME_LIBRARY, reason="bits of exp and log are those of glibc")
def test_golden_runs_are_equal_bit_for_bit(golden: Golden) -> None:
    session = Session(Config(**golden.settings), golden.documents, engine="scalar")
    assert models.weights_of(session.engine.state()) == golden.initial
    assert [record.loss for record in session.run(len(golden.losses))] == golden.losses
    assert models.weights_of(session.engine.state()) == golden.final
    assert list(session.sample(Sampling(num_samples=20))) == golden.samples


def test_golden_runs_are_close_with_any_c_library(golden: Golden) -> None:
    session = Session(Config(**golden.settings), golden.documents, engine="scalar")
    session.restore(with_weights(session, golden.initial))
    steps = min(30, len(golden.losses))
    losses = [record.loss for record in session.run(steps)]
    assert losses == pytest.approx(golden.losses[:steps], rel=0, abs=1e-12)


@settings(max_examples=15)
@given(config=models.configs(), documents=models.documents, temperature=st.floats(0.1, 3))
def test_any_run_equals_the_oracle_bit_for_bit(
    config: Config, documents: list[str], temperature: float
) -> None:
    steps = 3
    session = Session(config, documents, engine="scalar")
    losses = [record.loss for record in session.run(steps)]
    wanted = {name: getattr(config, name) for name in oracle.DEFAULTS}
    run = oracle.train_quickly(documents, steps, 3, temperature, **wanted)
    assert losses == run.losses
    assert models.weights_of(session.engine.state()) == run.final
    assert list(session.sample(Sampling(temperature, 3))) == run.samples
