"""The clock of a player: how many steps are due, how long one takes, how many a second it was."""

from __future__ import annotations

import time

SLICE = 0.012  # seconds of training at a time: how long a command may have to wait
PACE = 100.0  # steps a second at first
LAG = 0.25  # seconds of steps that a clock may be behind before it gives them up


class Clock:
    """Keeps `pace` steps a second, 0 being as many as there can be; `speed` is what it came to."""

    def __init__(self, pace: float = PACE) -> None:
        self.pace = pace
        self.speed = 0.0
        self._step_seconds = 0.001
        self.start(0)

    def start(self, step: int) -> None:
        """Begin to count, at position `step`."""
        self._started, self._taken = time.perf_counter(), 0
        self._measured = (self._started, step)

    @property
    def most(self) -> int:
        """How many steps a slice of time has room for."""
        return max(1, int(SLICE / self._step_seconds))

    def due(self) -> int:
        """Return how many steps to take now; what cannot be made up for is given up."""
        if not self.pace:
            return self.most
        now = time.perf_counter()
        due = int((now - self._started) * self.pace) - self._taken
        if due > max(1, LAG * self.pace):
            self._started, self._taken, due = now, 0, 1
        return max(0, min(due, self.most))

    def until_next(self) -> float:
        """Return the seconds until the next step is due."""
        if not self.pace:
            return 0.0
        return self._started + (self._taken + 1) / self.pace - time.perf_counter()

    def took(self, steps: int, seconds: float, step: int) -> None:
        """Note that so many steps took so long, and led to position `step`."""
        self._step_seconds += 0.3 * (seconds / steps - self._step_seconds)
        self._taken += steps
        then, before = self._measured
        now = time.perf_counter()
        if now - then > 0.5:
            self.speed = max(0.0, (step - before) / (now - then))
            self._measured = (now, step)
