"""Step records: number, document, loss and learning rate of each step."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import overload

from glassgpt.model.config import Config, hyper


@dataclass(frozen=True, slots=True)
class StepRecord:
    """One training step: `step` from 1, its document, its loss before the update, its rate.

    The loss is in nats, a mean over the tokens of the document and its end.
    """

    step: int
    document: str
    loss: float
    learning_rate: float


class StepRecords(Sequence[StepRecord]):
    """The records of consecutive steps, made on access: only the losses are stored."""

    def __init__(
        self, documents: Sequence[str], config: Config, start: int, losses: Sequence[float]
    ) -> None:
        self._documents = documents
        self._config = config
        self._start = start
        self.losses = losses

    def __len__(self) -> int:
        return len(self.losses)

    @overload
    def __getitem__(self, i: int) -> StepRecord: ...
    @overload
    def __getitem__(self, i: slice) -> list[StepRecord]: ...
    def __getitem__(self, i: int | slice) -> StepRecord | list[StepRecord]:
        if isinstance(i, slice):
            return [self[j] for j in range(*i.indices(len(self)))]
        i = range(len(self))[i]
        step = self._start + i
        document = self._documents[step % len(self._documents)]
        rate = hyper(self._config, step).learning_rate
        return StepRecord(step + 1, document, self.losses[i], rate)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Sequence) and list(self) == list(other)

    __hash__ = None  # type: ignore[assignment]
