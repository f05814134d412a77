"""Every installed rival computes what it is timed for; the time of a step, by any clock."""

from __future__ import annotations

import itertools

import pytest
from click.testing import CliRunner

from glassgpt import Config, Session
from glassgpt.analysis.benchmark import ROUND, time_steps
from rivals import RIVALS, TOLERANCE, Rival, Task
from step import installed, largest_difference, main, prepared
from tests.conftest import Golden

SLOW = "compile"


def named(key: str) -> Rival:
    return next(rival for rival in RIVALS if rival.key == key)


@pytest.mark.filterwarnings("ignore")  # of the libraries
@pytest.mark.parametrize(
    "rival",
    [
        pytest.param(rival, id=rival.key, marks=[pytest.mark.slow] if SLOW in rival.key else [])
        for rival in RIVALS
        if rival.library != "glassgpt"
    ],
)
def test_a_rival_has_the_recorded_losses(rival: Rival, golden: Golden) -> None:
    if not rival.installed:
        pytest.skip(f"{rival.library} is not installed")
    task = Task.of(Config(**golden.settings), golden.documents, len(golden.losses))
    run = rival.prepare(task)
    assert run() == run(), "each run starts again from the beginning"
    assert largest_difference(run(), golden.losses) <= TOLERANCE[rival.precision]


def test_wrong_losses_are_called_wrong_and_not_timed() -> None:
    task = Task.of(Config(num_steps=3), ["anna", "bob"], 3)
    assert "WRONG" in str(prepared(named("numpy"), task, [1.0, 2.0, 3.0]))
    assert "WRONG" in str(prepared(named("numpy"), task, [float("nan")] * 3))


def test_what_is_not_installed_is_named_once(capsys: pytest.CaptureFixture[str]) -> None:
    absent = Rival("absent", "Absent", "f64", "no_such_library", "loops")
    assert installed([absent, absent, named("numpy")]) == [named("numpy")]
    assert capsys.readouterr().err == "not installed: pip install no_such_library\n"


def test_the_table_has_a_row_for_what_was_asked() -> None:
    done = CliRunner().invoke(main, ["--only", "numpy", "--steps", "5", "--rounds", "1"])
    assert done.exit_code == 0, done.output
    assert "NumPy, backward by hand" in done.output
    assert "PyTorch" not in done.output


def test_a_coarse_clock_gives_the_mean_of_many_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    session = Session(Config(n_embd=4, n_head=2, block_size=4, num_steps=20), ["ab", "ba", "abba"])
    ticks = itertools.cycle([0.0] * 39 + [0.0001])  # every twentieth run seems to take a grain
    monkeypatch.setattr("time.perf_counter", lambda: next(ticks))
    assert time_steps(session, 5, 1) == pytest.approx(0.0001 / (20 * 5))
    assert pytest.approx(20) == ROUND / 0.0001  # grains that a round has at least
