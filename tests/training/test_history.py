"""The history of a run: going back gives the same bits, in a bounded amount of memory."""

from __future__ import annotations

import math
from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from glassgpt import Config, Session
from glassgpt.arrays import Array
from glassgpt.errors import DivergenceError
from glassgpt.training.history import History
from glassgpt.training.interventions import Intervention, Tune

DOCUMENTS = ["ab", "ba", "abba", "baab", "aab"]
SMALL = Config(n_embd=4, n_head=2, block_size=4, num_steps=60)


def new(budget: int = 2**20) -> History:
    return History(Session(SMALL, DOCUMENTS), budget)


def run(steps: int) -> Session:
    """Return an uninterrupted run after `steps` steps."""
    session = Session(SMALL, DOCUMENTS)
    if steps:
        session.run(steps)
    return session


def octets(group: Mapping[str, Array]) -> list[bytes]:
    return [a.tobytes() for a in group.values()]


def go(history: History, step: int) -> None:
    history.approach(step)
    history.advance(step - history.session.step)


@given(st.lists(st.integers(0, 60), min_size=1, max_size=6))
def test_every_position_is_that_of_an_uninterrupted_run(steps: list[int]) -> None:
    history = new()
    for step in steps:
        go(history, step)
        straight = run(step)
        assert history.session.step == step
        assert octets(history.session.engine.state().params) == octets(
            straight.engine.state().params
        )
    assert history.reached == max(steps)


def test_the_state_before_the_last_update_is_known_everywhere_but_at_the_start() -> None:
    history = new()
    go(history, 23)
    for step in (22, 10, 11, 1, 40):
        go(history, step)
        straight = run(step - 1)
        assert history.before is not None
        assert octets(history.before) == octets(straight.engine.state().params)
    go(history, 0)
    assert history.before is None


def test_going_back_keeps_every_loss() -> None:
    history = new()
    go(history, 30)
    losses = list(history.losses)
    go(history, 3)
    assert history.reached == 30
    assert list(history.losses) == losses
    go(history, 35)
    assert list(history.losses)[:30] == losses


def test_snapshots_are_thinned_to_the_budget() -> None:
    one = sum(a.nbytes for _, g in new().session.engine.state().groups() for a in g.values())
    history = new(budget=3 * one)
    go(history, 60)
    assert len(history._snapshots) <= 3
    go(history, 17)
    assert history.session.step == 17


def test_a_fork_keeps_what_came_after_and_shares_what_came_before() -> None:
    history = new()
    go(history, 30)
    go(history, 12)
    tune = Intervention(12, Tune((("learning_rate", 0.1),)))
    fork = history.forked(history.session.snapshot(), (tune,))
    go(fork, 30)
    assert history.reached == fork.reached == 30
    assert list(history.losses[:13]) == list(fork.losses[:13])
    assert history.losses[13] != fork.losses[13]
    assert fork._snapshots[0] is history._snapshots[0]


def test_the_history_of_a_checkpoint_begins_at_its_step() -> None:
    first = Session(SMALL, DOCUMENTS)
    first.run(20)
    history = History(Session.resumed(first.snapshot(), DOCUMENTS))
    assert history.begin == history.reached == 20
    assert all(map(math.isnan, history.losses))
    go(history, 25)
    history.approach(20)
    assert history.session.step == 20


def test_a_divergence_keeps_the_steps_before_it() -> None:
    wild = Config(n_embd=4, n_head=2, block_size=4, num_steps=60, learning_rate=10, init_std=10)
    history = History(Session(wild, DOCUMENTS))
    with pytest.raises(DivergenceError):
        history.advance(60)
    assert history.session.step == history.reached < 60
