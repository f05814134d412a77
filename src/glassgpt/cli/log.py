"""The training log: one JSON object a line, floats at full precision, steps from 1.

A log that goes on after `--resume` keeps the lines up to the checkpoint's step and drops later
ones, which the run takes again.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path

from glassgpt.checkpoint import write_atomically
from glassgpt.errors import DataError
from glassgpt.session import StepRecord


class Log:
    """A log file opened for a run that has already taken `step` steps."""

    def __init__(self, path: Path, step: int) -> None:
        self._path = path = path.resolve()
        try:
            if path.is_file() or not path.exists():  # not a pipe or a device
                write_atomically(path, _lines_up_to(path, step) if path.exists() else b"")
            self._file = path.open("a", encoding="utf-8", buffering=1)  # whole lines, at once
        except OSError as error:
            raise self._failed(error) from None

    def write(self, records: Iterable[StepRecord]) -> None:
        """Append the records."""
        try:
            self._file.writelines(line(record) for record in records)
            self._file.flush()
        except OSError as error:
            raise self._failed(error) from None

    def _failed(self, error: OSError) -> DataError:
        return DataError(
            f"the log {str(self._path)!r} cannot be written: {error.strerror}",
            "choose another --log",
        )


def line(record: StepRecord) -> str:
    """Return the log's line of one step."""
    facts = {
        "step": record.step,
        "doc": record.document,
        "loss": record.loss,
        "lr": record.learning_rate,
    }
    return json.dumps(facts, ensure_ascii=False) + "\n"


def _lines_up_to(path: Path, step: int) -> bytes:
    """Return the lines of an older log up to `step`; raise `DataError` if the file is no log."""
    kept = []
    for number, text in enumerate(path.read_bytes().splitlines(keepends=True), 1):
        if not text.endswith(b"\n") and text.startswith(b'{"step"'[: len(text)]):
            break  # the run that wrote it was killed in the middle of this line
        try:
            if json.loads(text)["step"] <= step:
                kept.append(text)
        except (ValueError, TypeError, KeyError):
            raise DataError(
                f"{str(path)!r} exists and is no training log (line {number})",
                "choose another name for --log",
            ) from None
    return b"".join(kept)
