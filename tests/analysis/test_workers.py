"""Workers: a killed one loses only its own call, and none outlives the process that started it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from glassgpt.analysis.workers import Lost, call_all


def square(n: int) -> int:
    return n * n


def die_at_3(n: int) -> int:
    if n == 3:
        os.kill(os.getpid(), signal.SIGKILL)
    return n * n


def die_once(marker: Path) -> str:
    if not marker.exists():
        marker.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return "done"


def fail(_: int) -> int:
    raise ValueError("no")


def test_every_call_is_answered_once() -> None:
    assert sorted(call_all(square, range(20), 3)) == [n * n for n in range(20)]  # type: ignore[type-var]
    assert list(call_all(square, [], 3)) == []


def test_a_killed_call_is_lost_after_a_second_try_and_the_others_are_not() -> None:
    found = list(call_all(die_at_3, range(6), 2))
    lost = [each for each in found if isinstance(each, Lost)]
    assert [(each.argument, each.reason) for each in lost] == [(3, "killed by signal 9")]
    assert {each for each in found if not isinstance(each, Lost)} == {0, 1, 4, 16, 25}


def test_a_call_that_is_killed_once_is_done_at_the_second_try(tmp_path: Path) -> None:
    assert list(call_all(die_once, [tmp_path / "a", tmp_path / "b"], 2)) == ["done", "done"]


def test_what_a_call_raises_is_raised() -> None:
    with pytest.raises(ValueError, match="no"):
        list(call_all(fail, [1], 1))


def test_no_worker_outlives_a_process_that_is_killed(tmp_path: Path) -> None:
    script = (
        "import os, sys, time; from glassgpt.analysis.workers import call_all\n"
        "def run(n): os.write(1, f'{os.getpid()}'.rjust(9).encode()); time.sleep(60)\n"
        "if __name__ == '__main__': list(call_all(run, range(3), 3))\n"
    )
    (tmp_path / "script.py").write_text(script)
    parent = subprocess.Popen(
        [sys.executable, tmp_path / "script.py"], stdout=subprocess.PIPE, text=True
    )
    assert parent.stdout is not None
    workers = [int(parent.stdout.read(9)) for _ in range(3)]
    parent.kill()
    parent.wait()
    parent.stdout.close()
    for _ in range(400):
        if not any(map(alive, workers)):
            return
        time.sleep(0.05)
    raise AssertionError(f"alive: {[pid for pid in workers if alive(pid)]}")


def alive(pid: int) -> bool:
    try:
        return "Z" not in Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
