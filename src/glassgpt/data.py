"""Documents: the stripped non-empty lines of a text, in the order of the file.

It knows files and bytes, not tokens. Lines end as Python's file iteration ends them (\\n, \\r\\n
or \\r, not the other separators of `str.splitlines`), which is what microgpt does.
"""

from __future__ import annotations

import hashlib
import io
import sys
from collections.abc import Sequence
from importlib import resources
from pathlib import Path

from glassgpt.errors import DataError

BUILTIN = "built-in names"  # what checkpoints call the built-in documents
MAX_BYTES = 256 * 2**20


def builtin_names() -> list[str]:
    """Return the built-in documents: first names of the US Census of 1990 (see names.txt.md)."""
    return split_documents((resources.files("glassgpt") / "names.txt").read_bytes(), BUILTIN)


def read_documents(source: str | Path) -> list[str]:
    """Return the documents of a file, or of standard input where `source` is `-`.

    Raises `DataError` where there is no file, it cannot be read as UTF-8, or it has no documents.
    """
    if str(source) == "-":
        return split_documents(sys.stdin.buffer.read(MAX_BYTES + 1), "standard input")
    path = Path(source)
    try:
        with path.open("rb") as file:
            octets = file.read(MAX_BYTES + 1)
    except FileNotFoundError:
        raise DataError(
            f"there is no file {str(path)!r}", "check the path; DATA is a text file"
        ) from None
    except IsADirectoryError:
        raise DataError(
            f"{str(path)!r} is a directory, not a text file", "name one file, one document a line"
        ) from None
    except (OSError, ValueError) as error:  # ValueError: a path with a NUL byte
        reason = getattr(error, "strerror", None) or str(error)
        raise DataError(f"{str(path)!r} cannot be read: {reason}") from None
    return split_documents(octets, str(path))


def split_documents(octets: bytes, name: str) -> list[str]:
    """Return the documents in UTF-8 `octets`; `name` is what errors call them."""
    if len(octets) > MAX_BYTES:
        raise DataError(
            f"{name} is larger than {MAX_BYTES // 2**20} MiB",
            "train on a part of it; a run sees one line a step",
        )
    try:
        text = octets.decode("utf-8-sig")  # a byte order mark is no character of the text
    except UnicodeDecodeError as error:
        line = octets.count(b"\n", 0, error.start) + 1
        raise DataError(
            f"{name} is not UTF-8 text: byte 0x{octets[error.start]:02x} at offset {error.start:,} "
            f"(line {line:,}): {error.reason}",
            "save it as UTF-8, for instance: iconv -f latin1 -t utf-8 OLD > NEW",
        ) from None
    documents = [line.strip() for line in io.StringIO(text, newline=None) if line.strip()]
    if not documents:
        raise DataError(
            f"{name} has no documents", "write one document a line; blank lines do not count"
        )
    return documents


def fingerprint(documents: Sequence[str]) -> str:
    """Return the SHA-256 of the documents in file order, by which a checkpoint knows its data."""
    return hashlib.sha256("\n".join(documents).encode("utf-8", "surrogatepass")).hexdigest()
