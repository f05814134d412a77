"""Every installed rival computes what it is timed for; the benchmark names those that do not."""

from __future__ import annotations

import pytest
from click.testing import CliRunner

from glassgpt import Config
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
