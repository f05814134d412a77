"""Branches: a run is its recipe, and every future of it is kept, bit for bit."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from glassgpt import Config, Session
from glassgpt.analysis.comparison import Parting, first_difference, parting
from glassgpt.arrays import Array, numbers
from glassgpt.engines import create, default_engine
from glassgpt.errors import ConfigError
from glassgpt.model.state import State
from glassgpt.training import interventions
from glassgpt.training.branches import MAX_BRANCHES, Branches
from glassgpt.training.history import History
from glassgpt.training.interventions import (
    Ablate,
    Change,
    Edit,
    Intervention,
    Interventions,
    StopAblating,
    Tune,
    ablated,
)
from glassgpt.training.recipe import Recipe

DOCUMENTS = ["ab", "ba", "abba", "baab", "aab"]
SMALL = Config(n_embd=4, n_head=2, block_size=4, num_steps=40)
ENGINES = sorted({"scalar", default_engine()[0]})
BEYOND = Edit("wte", 0, 0, 1.5)

changes: st.SearchStrategy[Change] = st.one_of(
    st.builds(lambda rate: Tune((("learning_rate", rate),)), st.floats(0, 0.05)),
    st.builds(Edit, st.sampled_from(["wte", "layer0.attn_wo"]), st.integers(0, 2),
              st.integers(0, 3), st.floats(-1, 1)),
    st.builds(Ablate, st.just("head"), st.just(0), st.integers(0, 1), st.booleans()),
    st.builds(Ablate, st.just("position"), hold=st.booleans()),
    st.builds(Ablate, st.just("neuron"), st.just(0), st.integers(0, 15), st.booleans()),
)  # fmt: skip


def new(engine: str = "") -> Branches:
    return Branches(History(Session(SMALL, DOCUMENTS, engine=engine)))


def go(branches: Branches, step: int) -> None:
    history = branches.current.history
    history.approach(step)
    history.advance(step - history.session.step)


def octets(group: Mapping[str, Array]) -> list[bytes]:
    return [a.tobytes() for a in group.values()]


def bits(session: Session) -> list[list[bytes]]:
    return [octets(group) for _, group in session.engine.state().groups()]


def straight(recipe: Interventions, step: int, engine: str = "") -> tuple[Session, list[float]]:
    """Return an uninterrupted run of the recipe that stopped at `step`, with parts held here."""
    session = Session(SMALL, DOCUMENTS, engine=engine)
    losses: list[float] = []
    for at in range(step + 1):
        for done in recipe:
            if done.step == at:
                session.apply(done.change)
        if at < step:
            whole, session._recipe = session.recipe, Recipe(SMALL)
            losses += session.run(1).losses
            session._recipe = whole
            for ablation in ablated(whole.interventions):
                zero(session, ablation)
    return session, losses


def zero(session: Session, ablation: Ablate) -> None:
    state, block = session.engine.state(), ablation.block(session.config)
    for row in range(block.top, block.bottom):
        for column in range(block.left, block.right):
            state.params[block.param][row, column] = 0.0
    session.engine.load(state)


def assert_is_its_recipe(branches: Branches, engine: str = "") -> None:
    history = branches.current.history
    run, losses = straight(history.recipe.interventions, history.session.step, engine)
    assert bits(history.session) == bits(run)
    assert list(history.losses[: history.session.step]) == losses
    assert history.session.config == run.config


@pytest.mark.parametrize("engine", ENGINES)
@settings(max_examples=12)
@given(data=st.data())
def test_every_position_of_every_branch_is_that_of_an_uninterrupted_run(
    engine: str, data: st.DataObject
) -> None:
    branches, last = new(engine), 12 if engine == "scalar" else 40
    steps = st.integers(0, last)
    for _ in range(3):
        go(branches, data.draw(steps))
        branches.intervene(data.draw(changes))
        assert_is_its_recipe(branches, engine)
    for _ in range(4):
        branches.choose(data.draw(st.sampled_from([branch.number for branch in branches])))
        go(branches, data.draw(steps))
        assert_is_its_recipe(branches, engine)


@given(st.integers(0, 40), st.lists(st.integers(0, 40), max_size=4))
def test_a_branch_without_a_change_stays_identical(fork: int, steps: list[int]) -> None:
    branches = new()
    go(branches, fork)
    branches.follow((Intervention(fork, Tune((("learning_rate", SMALL.learning_rate),))),))
    for step in steps:
        states = []
        for number in (1, 2):
            branches.choose(number)
            go(branches, step)
            states.append(bits(branches.current.history.session))
        assert states[0] == states[1]
    one, two = (branch.history for branch in branches)
    assert first_difference(one.losses, two.losses) is None


@given(st.integers(0, 30), changes, st.integers(0, 9))
def test_undo_gives_the_bits_of_before_and_redo_those_of_after(
    step: int, change: Change, more: int
) -> None:
    branches = new()
    go(branches, step)
    before = bits(branches.current.history.session)
    branches.intervene(change)
    after = bits(branches.current.history.session)
    go(branches, step + more)
    branches.undo()
    assert branches.current.number == 1
    go(branches, step)
    assert bits(branches.current.history.session) == before
    branches.redo()
    go(branches, step)
    assert bits(branches.current.history.session) == after


def test_the_past_before_a_fork_is_common() -> None:
    branches = new()
    go(branches, 30)
    go(branches, 20)
    branches.intervene(BEYOND)
    go(branches, 5)
    assert_is_its_recipe(branches)
    assert branches.current.history.session.recipe.interventions == ()
    go(branches, 40)
    assert branches.common(branches[1], branches[2]) == 20
    assert branches[1].history.reached == 30


def test_changes_at_one_step_make_one_branch_until_it_is_trained() -> None:
    branches = new()
    go(branches, 10)
    for value in (1.0, 2.0, 3.0):  # a weight that is dragged
        branches.intervene(Edit("wte", 1, 1, value))
    branches.intervene(Ablate("head", 0, 1))
    branches.intervene(Ablate("head", 0, 1, hold=True))
    assert len(branches) == 2
    assert [done.change for done in branches.current.changes] == [
        Edit("wte", 1, 1, 3.0), Ablate("head", 0, 1, hold=True),
    ]  # fmt: skip
    branches.undo()
    assert [done.change for done in branches.current.changes] == [Edit("wte", 1, 1, 3.0)]
    assert_is_its_recipe(branches)
    branches.redo()
    go(branches, 15)
    branches.intervene(StopAblating("head", 0, 1))
    assert len(branches) == 3
    assert ablated(branches.current.history.recipe.interventions) == ()
    go(branches, 25)
    assert_is_its_recipe(branches)


def test_settings_that_are_tuned_one_after_the_other_are_all_tuned() -> None:
    branches = new()
    go(branches, 10)
    branches.intervene(Tune((("learning_rate", 0.5),)))
    branches.intervene(Tune((("beta1", 0.5), ("learning_rate", 0.2))))
    config = branches.current.history.config
    assert (config.learning_rate, config.beta1) == (0.2, 0.5)
    assert len(branches.current.changes) == 1


def test_training_further_is_a_change_of_num_steps() -> None:
    branches = new()
    go(branches, 40)
    branches.intervene(Tune((("num_steps", 80),)))
    go(branches, 80)
    go(branches, 20)
    assert branches.current.history.session.steps_left == 20
    go(branches, 60)
    assert_is_its_recipe(branches)


def test_a_recipe_that_a_link_brings_is_followed_from_the_start() -> None:
    branches = new()
    recipe = (Intervention(5, BEYOND), Intervention(9, Ablate("position", hold=True)))
    branches.follow(recipe)
    for step in (20, 7, 5, 4, 11):
        go(branches, step)
        assert_is_its_recipe(branches)
    assert branches.undo().number == 1
    go(branches, 11)
    assert_is_its_recipe(branches)


def test_more_branches_than_are_kept_are_refused_until_one_is_dropped() -> None:
    branches = new()
    for step in range(1, MAX_BRANCHES):
        go(branches, step)
        branches.intervene(BEYOND)
    go(branches, 20)
    with pytest.raises(ConfigError, match="drop one first: 1, 2, 3, 4, 5, 6, 7"):
        branches.intervene(BEYOND)
    assert branches.current.number == MAX_BRANCHES
    branches.drop(3)
    branches.intervene(BEYOND)
    assert_is_its_recipe(branches)


def test_what_was_forked_from_a_dropped_branch_stays_the_same_run() -> None:
    branches = new()
    for step in (5, 10, 15):
        go(branches, step)
        branches.intervene(Edit("wte", 0, 0, step / 10))
    go(branches, 20)
    kept = bits(branches.current.history.session)
    branches.drop(2)
    branches.drop(3)
    assert branches.current.parent == 1
    assert [done.step for done in branches.current.changes] == [5, 10, 15]
    assert branches.common(branches[1], branches[4]) == 5
    assert bits(branches.current.history.session) == kept
    go(branches, 12)
    assert_is_its_recipe(branches)
    branches.drop(1)
    assert branches.current.parent is None


def test_another_run_is_added_and_shares_nothing() -> None:
    branches = new()
    go(branches, 10)
    other = Session(Config(n_embd=6, n_head=3, block_size=4, num_steps=9), DOCUMENTS)
    branches.begin(History(other))
    go(branches, 9)
    branches.intervene(BEYOND)
    assert [(b.number, b.parent, b.run) for b in branches] == [
        (1, None, 1),
        (2, None, 2),
        (3, 2, 2),
    ]
    assert branches.common(branches[1], branches[3]) == 0
    branches.choose(1)
    go(branches, 20)
    assert_is_its_recipe(branches)


def test_many_large_branches_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("glassgpt.training.branches.MAX_PARAMETERS", 600)
    branches = new()
    branches.intervene(BEYOND)
    assert_is_its_recipe(branches)
    with pytest.raises(ConfigError, match="parameters"):
        branches.begin(History(Session(SMALL, DOCUMENTS)))


def test_the_branches_share_one_budget_of_snapshots() -> None:
    one = sum(a.nbytes for _, g in new().current.history.session.engine.state().groups()
              for a in g.values())  # fmt: skip
    branches = Branches(History(Session(SMALL, DOCUMENTS)), budget=12 * one)
    for step in (30, 20, 10):
        go(branches, step)
        branches.intervene(BEYOND)
        go(branches, 40)
    kept = {id(s) for branch in branches for s in branch.history._snapshots.values()}
    assert len(kept) <= 12
    go(branches, 37)
    assert_is_its_recipe(branches)


@pytest.mark.parametrize(("deed", "words"), [
    (lambda b: b.undo(), "not been changed"), (lambda b: b.redo(), "nothing has been undone"),
    (lambda b: b.choose(9), "no branch 9"), (lambda b: b.drop(1), "is shown"),
    (lambda b: b.intervene(StopAblating("head", 0, 0)), "not held"),
    (lambda b: b.intervene(Tune((("seed", 1),))), "cannot change"),
])  # fmt: skip
def test_an_invalid_change_is_refused_and_changes_nothing(deed, words: str) -> None:
    branches = new()
    go(branches, 5)
    with pytest.raises(ConfigError, match=words):
        deed(branches)
    assert len(branches) == 1
    assert_is_its_recipe(branches)


def test_two_states_differ_first_where_an_edited_weight_is_first_used() -> None:
    session = Session(SMALL, DOCUMENTS, engine="scalar")
    a = session.engine.state()
    session.apply(Edit("layer0.mlp_fc1", 3, 1, 5.0))
    b = session.engine.state()
    engine = create("scalar", SMALL, 3)
    tokens = session.tokens("ab")
    parted = parting(engine, SMALL, a, b, tokens)
    assert (parted.site, parted.index) == ("layer0.mlp.fc1", (0, 3))
    engine.load(a)
    ours = engine.forward(tokens)
    engine.load(b)
    theirs = engine.forward(tokens)
    gaps = {name: max(abs(x - y) for x, y in zip(numbers(ours[name]), numbers(theirs[name]))
                      if x != y) if numbers(ours[name]) != numbers(theirs[name]) else 0.0
            for name in ours}  # fmt: skip
    assert parted.largest == max(gaps.values())
    assert gaps[parted.largest_site] == parted.largest
    assert parting(engine, SMALL, a, a, tokens) == Parting()


def test_curves_differ_first_where_they_differ_first() -> None:
    nan = float("nan")
    assert first_difference([nan, 1.0, 2.0], [5.0, 1.0, 3.0, 9.0]) == 2
    assert first_difference([1.0, 2.0], [1.0, 2.0, 3.0]) is None


def test_a_setting_that_is_changed_costs_one_copy_of_the_state_and_one_check(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    calls: list[str] = []
    frozen, check_next = State.frozen, interventions.check_next

    def counted_copy(state: State) -> State:
        calls.append("copy")
        return frozen(state)

    def counted_check(*args: Any) -> Config:
        calls.append("check")
        return check_next(*args)

    branches = new()
    branches.current.history.advance(7)
    monkeypatch.setattr(State, "frozen", counted_copy)
    monkeypatch.setattr("glassgpt.training.session.check_next", counted_check)
    branches.intervene(Tune((("learning_rate", 0.1),)))
    assert sorted(calls) == ["check", "copy"]
