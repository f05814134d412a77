"""The training log: one JSON object a line, floats at full precision, steps from 1.

After `--resume`, a log keeps the lines up to the checkpoint's step and drops later ones, because
the run takes these steps again.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path

from glassgpt.cli.records import Records
from glassgpt.errors import DataError
from glassgpt.training.records import StepRecord


class Log:
    """A log opened for a run that has already taken `step` steps."""

    def __init__(self, path: Path, step: int) -> None:
        self._records = Records(path, "--log", lambda there: _lines_up_to(step, there, str(path)))
        self.is_stdout = self._records.is_stdout

    def write(self, records: Iterable[StepRecord]) -> None:
        """Append the records."""
        self._records.write(map(facts, records))


def facts(record: StepRecord) -> dict[str, object]:
    """Return the log entry of one step."""
    return {
        "step": record.step,
        "doc": record.document,
        "loss": record.loss,
        "lr": record.learning_rate,
    }


def _lines_up_to(step: int, octets: bytes, name: str) -> bytes:
    """Return the lines of an older log up to `step`; raise `DataError` if it is not a log."""
    kept = []
    for number, text in enumerate(octets.splitlines(keepends=True), 1):
        if not text.endswith(b"\n") and text.startswith(b'{"step"'[: len(text)]):
            break  # the run that wrote it was killed in the middle of this line
        try:
            if json.loads(text)["step"] <= step:
                kept.append(text)
        except (ValueError, TypeError, KeyError):
            raise DataError(
                f"{name!r} exists and is not a training log (line {number})",
                "choose another name for --log",
            ) from None
    return b"".join(kept)
