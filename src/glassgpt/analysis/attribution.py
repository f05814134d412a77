"""Training-data attribution: how much each step moved a probability, by taking all steps again.

The change of log p at a step is measured, not estimated: log p before and after that very update,
and before and after each intervention. The changes sum to log p now minus log p at the start.
"""

from __future__ import annotations

import math
import time
from array import array
from collections.abc import Sequence
from dataclasses import dataclass

from glassgpt.arrays import numbers
from glassgpt.errors import ConfigError
from glassgpt.training.history import History

TOP = 20  # moves that are named


@dataclass(frozen=True, slots=True)
class Move:
    """A change of log p: by step number `step` (from 1) on `document`, or the change in `words`."""

    step: int
    document: str
    words: str
    change: float


class Attribution:
    """The search for one probability: of `token` after `context`, up to the position of a run."""

    def __init__(self, history: History, context: Sequence[int], token: int) -> None:
        session = history.session.sibling(history.first)
        if not 1 <= len(context) <= session.config.block_size:
            raise ConfigError(
                f"the context has {len(context)} tokens, but the model sees 1 to "
                f"{session.config.block_size}"
            )
        if not all(0 <= one < session.tokenizer.vocab_size for one in (*context, token)):
            raise ConfigError(f"there is no token {max((*context, token))}")
        self.begin, self.end = history.begin, history.session.step
        self.context, self.token = list(context), token
        self._session, self._recipe = session, history.recipe
        self._moves: list[Move] = []
        self.curve = array("d", [self._log_p()])  # at each position from `begin` on

    @property
    def done(self) -> bool:
        """Whether all steps have been taken again."""
        return self._session.step == self.end

    def go_on(self, seconds: float = math.inf) -> None:
        """Take steps again for about `seconds`."""
        until = time.perf_counter() + seconds
        while not self.done:
            self._step()
            if time.perf_counter() > until:
                return

    def top(self) -> list[Move]:
        """Return the largest moves so far, in either direction, the largest first."""
        return sorted(self._moves, key=lambda move: -abs(move.change))[:TOP]

    def _step(self) -> None:
        session, before = self._session, self.curve[-1]
        document = session.document(session.step)
        session.run(1)
        after = self._log_p()
        self._moves.append(Move(session.step, document, "", after - before))
        for done in self._recipe.interventions[len(session.recipe.interventions) :]:
            if done.step != session.step:
                break
            session.apply(done.change)
            before, after = after, self._log_p()
            self._moves.append(Move(session.step, "", done.change.words(), after - before))
        self.curve.append(after)

    def _log_p(self) -> float:
        """Return the log of the probability, in nats; −∞ if it is 0."""
        logits = numbers(self._session.engine.logits(self.context))
        most = max(logits)
        return logits[self.token] - most - math.log(math.fsum(math.exp(z - most) for z in logits))
