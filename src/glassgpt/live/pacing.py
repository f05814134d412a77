"""The clock of a player: the steps that are due, the time of a step, the measured pace.

`Contention` estimates how long the process waits for a core in use by other processes.
"""

from __future__ import annotations

import math
import time

from glassgpt.analysis.benchmark import SHORTEST

SLICE = 0.012  # seconds of training at a time: how long a command may have to wait
PACE = 100.0  # steps a second at first
LAG = 1.0  # seconds of steps that a clock may be behind before it drops them

USUAL = 0.002  # seconds that a sleep or a frame takes longer on an idle machine
DELAY = 40  # seconds between two frames for each second of waiting
MAX_DELAY = 0.075  # seconds: ten frames a second are always attempted
RECENT = 0.2  # weight of the newest wait in their mean


class Contention:
    """The mean of the recent times that this process waited for a core."""

    def __init__(self) -> None:
        self._wait = 0.0

    def waited(self, seconds: float) -> None:
        """Count a sleep or a frame that took `seconds` longer than planned or computed."""
        self._wait += RECENT * (max(0.0, seconds - USUAL) - self._wait)

    @property
    def delay(self) -> float:
        """How many seconds later than possible the next frame should leave."""
        return min(MAX_DELAY, DELAY * self._wait)


class Clock:
    """Keeps `pace` steps a second, 0 being as many as possible; `speed` is the measured pace."""

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
        """How many steps fit into a slice of time."""
        return max(1, int(SLICE / self._step_seconds))

    def due(self) -> int:
        """Return how many steps to take now; steps that are too late are dropped."""
        if not self.pace:
            return self.most
        now = time.perf_counter()
        due = int((now - self._started) * self.pace) - self._taken
        if due > max(1, LAG * self.pace):
            self._started, self._taken, due = now, 0, 1
        return max(0, min(due, self.most))

    def until_next(self) -> float:
        """Return the seconds until the next step is due, negative if it is late."""
        if not self.pace:
            return -math.inf
        return self._started + (self._taken + 1) / self.pace - time.perf_counter()

    def took(self, steps: int, seconds: float, step: int) -> None:
        """Note that `steps` took `seconds` of computing and ended at position `step`."""
        self._step_seconds += 0.3 * (max(SHORTEST, seconds / steps) - self._step_seconds)
        self._taken += steps
        then, before = self._measured
        now = time.perf_counter()
        if now - then > 0.5:
            self.speed = max(0.0, (step - before) / (now - then))
            self._measured = (now, step)
