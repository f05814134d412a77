"""The past of a weight: what it was at every position of a run, by taking all steps again.

That is for runs of which a page need not wait long. Of the others, and with the scalar engine, it
is what the weight was wherever the history keeps a snapshot.
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


class Past:
    """The values of the parameter `name` at `index` in all that a run has reached.

    The run may go on meanwhile: what was taken again stays, and the new steps come to it.
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
        """Whether it is the past of this very weight."""
        return (self.history, self.name, self.index) == (history, name, index)

    @property
    def every(self) -> int:
        """How many steps lie between two positions that are told."""
        return 1 if self._whole else self.history.stride

    @property
    def done(self) -> bool:
        """Whether there is a value of every position that is to be told."""
        return not self._whole or len(self._values) > self._steps

    def go_on(self, seconds: float = math.inf) -> None:
        """Take steps again for about so long."""
        until = time.perf_counter() + seconds
        while not self.done:
            self._session.run(1)
            self._session.follow(self.history.recipe)
            self._read()
            if time.perf_counter() > until:
                return

    def told(self) -> tuple[Sequence[int], Sequence[float]]:
        """Return the positions, and what the weight was at each of them."""
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
