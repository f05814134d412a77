"""The history of a run: the loss of every step, and snapshots to go back to.

To go to a step, the nearest snapshot before it is restored and the steps between are taken again,
which gives the same bits. A long run thins its snapshots to a fixed amount of memory. The caller
decides how many steps are taken at a time.
"""

from __future__ import annotations

import copy
import itertools
import math
from array import array
from collections.abc import Mapping
from dataclasses import replace

from glassgpt.arrays import Array
from glassgpt.errors import ConfigError, DivergenceError
from glassgpt.model.config import Config
from glassgpt.training.interventions import Ablate, Edit, Interventions
from glassgpt.training.records import StepRecords
from glassgpt.training.session import Session
from glassgpt.training.snapshot import Snapshot

BUDGET = 64 * 2**20  # limit of all snapshots of a run, in bytes
_VERSIONS = itertools.count()
STRIDE = 10  # steps between two snapshots, until the limit is reached


class History:
    """A session with its losses and snapshots.

    `before`: the parameters before the last update and the interventions after it, if known.
    `recipe`: all interventions of the run, future ones included; those of step s are applied on
    arrival at s. `version`: a number that identifies this history in this process.
    """

    def __init__(self, session: Session, budget: int = BUDGET) -> None:
        self.session = session
        self.version = next(_VERSIONS)
        self.begin = session.step
        self.before: Mapping[str, Array] | None = None
        self.recipe = session.recipe
        self.losses = array("d", [math.nan] * session.step)  # of the step after `index` updates
        self.rates = array("d", [math.nan] * session.step)
        self._snapshots: dict[int, Snapshot] = {}
        self.stride = STRIDE
        groups = session.engine.state().groups()
        self._size = sum(a.nbytes for _, group in groups for a in group.values())
        self._most = max(2, budget // self._size)
        self._keep()

    def forked(self, before: Snapshot, changes: Interventions) -> History:
        """Return a history with this one's past up to `before` and then `changes`.

        The changes are at the step of `before` or later. Raises `ConfigError` if one is not
        valid. The snapshots of the past are shared, since they do not change.
        """
        step, recipe = before.step, before.recipe.with_more(*changes)
        if any(done.step > step for done in changes):  # the session checks changes at this step
            recipe.check(self.session.tokenizer.vocab_size)
        other = copy.copy(self)
        other.version = next(_VERSIONS)
        other.session = self.session.sibling(before)
        other.recipe = recipe
        other.before = self.before if self.session.step == step else None
        other.losses, other.rates = self.losses[:step], self.rates[:step]
        other._snapshots = {at: kept for at, kept in self._snapshots.items() if at < step}
        other.session.follow(recipe)
        if any(isinstance(done.change, Edit | Ablate) for done in changes):
            other._keep()
        else:  # no weight was set: the snapshot differs from `before` in its recipe only
            other._snapshots[step] = replace(before, recipe=other.session.recipe)
            other._thin()
        return other

    def limit(self, budget: int) -> None:
        """Set the limit of snapshots to `budget` bytes."""
        self._most = max(2, budget // self._size)
        self._thin()

    @property
    def first(self) -> Snapshot:
        """The state at the first position."""
        return self._snapshots[self.begin]

    @property
    def config(self) -> Config:
        """The settings after all interventions of the recipe."""
        return self.recipe.config_at()

    @property
    def reached(self) -> int:
        """The last position reached so far."""
        return len(self.losses)

    def advance(self, steps: int) -> None:
        """Take `steps` steps with their interventions; on `DivergenceError` earlier steps stay."""
        end = self.session.step + steps
        while self.session.step < end:
            boundary = self.session.step + self.stride - self.session.step % self.stride
            stop = int(min(end, boundary, self.recipe.next_after(self.session.step)))
            if stop - 1 > self.session.step:
                self._run(stop - 1 - self.session.step)
            self.before = self.session.engine.state().params
            self._run(1)
            self.session.follow(self.recipe)
            if stop == boundary:
                self._keep()

    def at(self, step: int) -> Snapshot:
        """Return the state at a position reached before, without moving the session."""
        if not isinstance(step, int) or not self.begin <= step <= self.reached:
            raise ConfigError(
                f"the run has no step {step!r}", f"it has {self.begin} to {self.reached}"
            )
        if step == self.session.step:
            return self.session.snapshot()
        nearest = max(kept for kept in self._snapshots if kept <= step)
        other = self.session.sibling(self._snapshots[nearest])
        other.replay(step - nearest, self.recipe)
        return other.snapshot()

    def approach(self, step: int) -> None:
        """Go back, if needed, to the nearest snapshot from which `step` can be reached.

        It is at least one update before `step`, so that the parameters before the last update
        will be known.
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

    def kept(self, name: str, index: tuple[int, ...]) -> tuple[list[int], list[float]]:
        """Return the positions of the snapshots, and the weight at each of them."""
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
        self._thin()

    def _thin(self) -> None:
        while len(self._snapshots) > self._most:
            self.stride *= 2
            self._snapshots = {
                step: snapshot
                for step, snapshot in self._snapshots.items()
                if step == self.begin or step % self.stride == 0
            }
