"""Appends JSON lines to a file, a pipe or a device, or to standard output (`-`).

A file is UTF-8 and complete after every line. Standard output gets ASCII, for any encoding.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import TextIO

from glassgpt.cli.terminal import open_stdout
from glassgpt.errors import DataError
from glassgpt.training.checkpoint import write_atomically


class Records:
    """Writes records to `path`, the value of `option`; `is_stdout` if that is standard output.

    Of an existing file, the part that `kept` returns stays; `kept` raises `DataError` for a file
    of another kind. Raises `DataError` if `path` is not writable.
    """

    def __init__(self, path: Path, option: str, kept: Callable[[bytes], bytes]) -> None:
        self._path, self._option = path, option
        self.is_stdout = str(path) == "-" or _is_stdout(path)
        try:
            self._file = open_stdout() if self.is_stdout else _opened(path, kept)
        except OSError as error:
            raise self._failed(error) from None

    def write(self, records: Iterable[Mapping[str, object]]) -> None:
        """Add the records."""
        try:
            self._file.writelines(self._line(record) for record in records)
            self._file.flush()
        except OSError as error:
            if self.is_stdout:
                raise
            raise self._failed(error) from None

    def _line(self, record: Mapping[str, object]) -> str:
        text = json.dumps(record, ensure_ascii=self.is_stdout) + "\n"
        return text.replace("\x7f", "\\u007f")

    def _failed(self, error: OSError) -> DataError:
        return DataError(
            f"{str(self._path)!r} cannot be written: {error.strerror}",
            f"give {self._option} a file that can be written",
        )


def _is_stdout(path: Path) -> bool:
    """Return whether a path is standard output: /dev/stdout, or the file it is redirected to."""
    try:
        return os.path.samestat(path.stat(), os.fstat(sys.stdout.fileno()))
    except (OSError, ValueError, AttributeError):  # no such file, or standard output is not a file
        return False


def _opened(path: Path, kept: Callable[[bytes], bytes]) -> TextIO:
    if path.is_file() or not path.exists():  # not a pipe or a device
        path = Path(os.path.realpath(path))  # of a link, its target; of a loop, itself
        path.parent.mkdir(parents=True, exist_ok=True)
        there = path.read_bytes() if path.exists() else b""
        if (stays := kept(there)) != there:
            write_atomically(path, stays)
    return path.open("a", encoding="utf-8", buffering=1)  # whole lines, at once
