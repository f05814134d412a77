"""The past of a run: every loss it took, and snapshots to go back to.

Going to a step is restoring the nearest snapshot before it and taking the steps between again,
which gives the same bits. A long run thins its snapshots to a fixed amount of memory. It knows no
clock: whoever drives it says how many steps at a time.
"""

from __future__ import annotations

import math
from array import array
from collections.abc import Mapping

from glassgpt.arrays import Array
from glassgpt.errors import DivergenceError
from glassgpt.session import Session, StepRecords
from glassgpt.snapshot import Snapshot

BUDGET = 64 * 2**20  # bytes of snapshots that a run may keep
STRIDE = 10  # steps between two snapshots, until memory runs short


class History:
    """A session, what it has done, and the way back.

    `before` holds the parameters as they were one update ago, where they are known.
    """

    def __init__(self, session: Session, budget: int = BUDGET) -> None:
        self.session = session
        self.begin = session.step
        self.before: Mapping[str, Array] | None = None
        self.losses = array("d", [math.nan] * session.step)  # of the step after `index` updates
        self.rates = array("d", [math.nan] * session.step)
        self._snapshots: dict[int, Snapshot] = {}
        self._stride = STRIDE
        size = sum(a.nbytes for _, group in session.engine.state().groups() for a in group.values())
        self._most = max(2, budget // size)
        self._keep()

    @property
    def reached(self) -> int:
        """The furthest step that was taken."""
        return len(self.losses)

    def advance(self, steps: int) -> None:
        """Take so many steps; raise `DivergenceError` with those before it kept."""
        end = self.session.step + steps
        while self.session.step < end:
            boundary = self.session.step + self._stride - self.session.step % self._stride
            stop = min(end, boundary)
            if stop - 1 > self.session.step:
                self._run(stop - 1 - self.session.step)
            self.before = self.session.engine.state().params
            self._run(1)
            if stop == boundary:
                self._keep()

    def approach(self, step: int) -> None:
        """Go back, where needed, to the nearest kept position from which `step` can be reached.

        Between the two lies at least one update, so that the last update of `step` is known too.
        """
        wanted = max(self.begin, step - 1)
        here = self.session.step
        if here == step and (self.before is not None or step == self.begin):
            return
        nearest = max(kept for kept in self._snapshots if kept <= wanted)
        if nearest <= here <= wanted:
            return
        self.session.restore(self._snapshots[nearest])
        self.before = None

    def cut(self) -> None:
        """Forget all that came after the position, which is about to take another way."""
        here = self.session.step
        del self.losses[here:], self.rates[here:]
        self._snapshots = {step: s for step, s in self._snapshots.items() if step < here}
        self._keep()

    def past(self, name: str, index: tuple[int, ...]) -> tuple[list[int], list[float]]:
        """Return the positions that are kept, and what the weight was at each of them."""
        kept = sorted(self._snapshots)
        return kept, [self._snapshots[step].state.params[name][index] for step in kept]

    def _run(self, steps: int) -> None:
        start = self.session.step
        try:
            records = self.session.run(steps)
        except DivergenceError as error:
            self._record(start, self.session.records(start, error.losses))
            self.before = None
            raise
        self._record(start, records)

    def _record(self, start: int, records: StepRecords) -> None:
        known = self.losses[start : start + len(records)]
        again = list(records.losses[: len(known)])
        assert list(known) == again, f"the steps from {start} again: {again}, not {list(known)}"
        for record in records[len(known) :]:
            self.losses.append(record.loss)
            self.rates.append(record.learning_rate)

    def _keep(self) -> None:
        self._snapshots[self.session.step] = self.session.snapshot()
        if len(self._snapshots) > self._most:
            self._stride *= 2
            self._snapshots = {
                step: snapshot
                for step, snapshot in self._snapshots.items()
                if step == self.begin or step % self._stride == 0
            }
