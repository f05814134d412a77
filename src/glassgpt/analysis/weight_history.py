"""The history of a weight: its value at every position of a run, by taking all steps again.

If a run is too long for that, or its engine is the scalar one, it is the value at
each snapshot of the history.
"""

from __future__ import annotations

import math
import time
from array import array
from collections.abc import Sequence

from glassgpt.model.parameters import count
from glassgpt.training.history import History

MOST_STEPS = 10_000  # taken again: 80 kB of a message
MOST_WORK = 10**8  # parameters times steps: a second or two of the fast engine


class WeightHistory:
    """The values of the parameter `name` at `index` at every position that a run has reached.

    The run may be trained further meanwhile: values computed so far stay, and new steps are added.
    """

    def __init__(self, history: History, name: str, index: tuple[int, ...]) -> None:
        self.history, self.name, self.index = history, name, index
        session = history.session
        self._fast = session.engine.name == "fast"
        self._size = count(session.config, session.tokenizer.vocab_size)
        self._values = array("d")  # at each position from `begin` on
        if self._whole:
            self._session = session.sibling(history.first)
            self._read()

    def is_of(self, history: History, name: str, index: tuple[int, ...]) -> bool:
        """Whether it is the history of this weight."""
        return (self.history, self.name, self.index) == (history, name, index)

    @property
    def every(self) -> int:
        """The number of steps between two positions of the result."""
        return 1 if self._whole else self.history.stride

    @property
    def done(self) -> bool:
        """Whether every position of the result has its value."""
        return not self._whole or len(self._values) > self._steps

    def go_on(self, seconds: float = math.inf) -> None:
        """Take steps again for about `seconds`."""
        until = time.perf_counter() + seconds
        while not self.done:
            self._session.run(1)
            self._session.follow(self.history.recipe)
            self._read()
            if time.perf_counter() > until:
                return

    def told(self) -> tuple[Sequence[int], Sequence[float]]:
        """Return the positions, and the value of the weight at each of them."""
        if not self._whole:
            return self.history.kept(self.name, self.index)
        begin = self.history.begin
        return range(begin, begin + len(self._values)), self._values

    @property
    def _steps(self) -> int:
        return self.history.reached - self.history.begin

    @property
    def _whole(self) -> bool:
        return self._fast and self._steps <= min(MOST_STEPS, MOST_WORK // self._size)

    def _read(self) -> None:
        self._values.append(self._session.engine.weight(self.name, self.index))
