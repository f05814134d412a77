"""The clock: a number of steps a second, in slices, without more lag than it can make up for."""

from __future__ import annotations

import pytest

from glassgpt.live.pacing import MAX_DELAY, USUAL, Clock, Contention


@pytest.fixture
def time(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    now = [100.0]
    monkeypatch.setattr("time.perf_counter", lambda: now[0])
    return now


def test_steps_come_due_at_the_pace(time: list[float]) -> None:
    it = Clock(100)
    assert it.due() == 0
    assert it.until_next() == pytest.approx(0.01)
    time[0] += 0.0301
    assert it.due() == 3
    it.took(3, 0.001, 3)
    assert it.due() == 0


def test_a_lag_below_a_second_is_made_up_for(time: list[float]) -> None:
    it = Clock(100)
    time[0] += 0.9
    taken = 0
    while steps := it.due():
        it.took(steps, 0.001 * steps, taken := taken + steps)
    assert taken == 90


def test_a_clock_too_coarse_to_measure_a_step_still_bounds_a_slice() -> None:
    it = Clock(0)
    for _ in range(5000):
        it.took(1, 0.0, 1)
    assert it.due() <= 12_000


@pytest.mark.usefixtures("time")
def test_a_slice_is_never_longer_than_a_command_may_wait() -> None:
    it = Clock(0)
    for _ in range(50):
        it.took(1, 0.004, 1)
    assert it.due() == 3  # 12 ms
    it.took(1, 10.0, 1)
    assert it.due() == 1


def test_steps_of_a_longer_lag_are_dropped(time: list[float]) -> None:
    it = Clock(100)
    time[0] += 60
    assert it.due() == 1
    it.took(1, 0.001, 1)
    assert it.due() == 0


def test_the_speed_is_the_measured_pace(time: list[float]) -> None:
    it = Clock(100)
    time[0] += 1
    it.took(80, 0.5, 80)
    assert it.speed == pytest.approx(80)


def test_frames_are_delayed_as_long_as_the_cores_are_busy() -> None:
    it = Contention()
    for _ in range(100):
        it.waited(USUAL)
    assert it.delay == 0
    for _ in range(10):
        it.waited(0.003)
    some = it.delay
    assert 0 < some < MAX_DELAY
    for _ in range(10):
        it.waited(1)
    assert it.delay == MAX_DELAY
    for _ in range(100):
        it.waited(0)
    assert it.delay == pytest.approx(0, abs=0.001)
