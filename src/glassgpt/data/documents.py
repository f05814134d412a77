"""Documents: the stripped non-empty lines of a text, in the order of the file.

Lines end as Python's file iteration ends them (\\n, \\r\\n
or \\r, not the other separators of `str.splitlines`), which is what microgpt does. White space at
both ends of a line is removed; every other character is kept, control characters too. A file must
be UTF-8, or UTF-16 or UTF-32 with a byte-order mark; the error for any other file names its format.
"""

from __future__ import annotations

import hashlib
import io
import re
import sys
import unicodedata
from collections.abc import Sequence
from importlib import resources
from pathlib import Path

from glassgpt.errors import DataError

_SURROGATE = re.compile(rb"\xed[\xa0-\xbf]")  # a surrogate, as in CESU-8; UTF-8 may not have it
BUILTIN = "built-in names"  # what checkpoints call the built-in documents
MAX_BYTES = 256 * 2**20

MARKS = {  # byte-order marks; that of UTF-32 begins with that of UTF-16, so it comes first
    b"\xff\xfe\0\0": "utf-32",
    b"\0\0\xfe\xff": "utf-32",
    b"\xff\xfe": "utf-16",
    b"\xfe\xff": "utf-16",
    b"\xef\xbb\xbf": "utf-8-sig",
}
_PICTURE = "give a text file, one document a line"
_PACKED = "unpack it first, then give the text file that was in it"
_PROCESSED = "open it in its own program and save it as plain text in UTF-8"
_NUMBERS = "give the text that it was made from, one document a line"
SIGNATURES = {  # the first bytes of files that are not text: the format, and what to do
    b"\x89PNG\r\n\x1a\n": ("a PNG picture", _PICTURE),
    b"\xff\xd8\xff": ("a JPEG picture", _PICTURE),
    b"GIF87a": ("a GIF picture", _PICTURE),
    b"GIF89a": ("a GIF picture", _PICTURE),
    b"\x1f\x8b": ("packed by gzip", _PACKED),
    b"BZh91AY&SY": ("packed by bzip2", _PACKED),
    b"\xfd7zXZ\0": ("packed by xz", _PACKED),
    b"\x28\xb5\x2f\xfd": ("packed by zstd", _PACKED),
    b"7z\xbc\xaf\x27\x1c": ("a 7z archive", _PACKED),
    b"PK\x03\x04": ("a zip archive, as .docx, .xlsx, .odt and .epub files are too", _PROCESSED),
    b"PK\x05\x06": ("an empty zip archive", _PACKED),
    b"%PDF-": ("a PDF document", _PROCESSED),
    b"{\\rtf": ("an RTF document", _PROCESSED),
    b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1": ("an old Office document", _PROCESSED),
    b"SQLite format 3\0": ("an SQLite database", "export its text, one document a line"),
    b"\x7fELF": ("a program", _PICTURE),
    b"\x93NUMPY": ("a NumPy array", _NUMBERS),
    b"PAR1": ("a Parquet table", "export its text, one document a line"),
}


def builtin_names() -> list[str]:
    """Return the built-in documents: first names of the US Census of 1990 (see names.txt.md)."""
    return split_documents((resources.files("glassgpt") / "names.txt").read_bytes(), BUILTIN)


def read_documents(source: str | Path) -> list[str]:
    """Return the documents of a file, or of standard input if `source` is `-`.

    Raises `DataError` if the file is missing, is not text, or has no documents.
    """
    return split_documents(*read_octets(source))


def read_octets(source: str | Path) -> tuple[bytes, str]:
    """Return the bytes of a file, or of standard input, and its name in errors."""
    if str(source) == "-":
        if sys.stdin is None:  # a shell may close it: <&-
            raise DataError("standard input is closed", "name a file, or pipe a text into it")
        return sys.stdin.buffer.read(MAX_BYTES + 1), "standard input"
    if not str(source):
        raise DataError(
            "the name of the text file is empty", "name a file, or - for standard input"
        )
    if not isinstance(source, str | Path):
        raise DataError(f"the name of a text file cannot be {source!r}", "give its path, a text")
    path = Path(source)
    try:
        with path.open("rb") as file:
            return file.read(MAX_BYTES + 1), repr(str(path))
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


def split_documents(octets: bytes, name: str) -> list[str]:
    """Return the documents in the text `octets`; `name` is used in errors."""
    text = decoded(octets, name)
    documents = [line.strip() for line in io.StringIO(text, newline=None) if line.strip()]
    if not documents:
        raise DataError(
            f"{name} has no documents", "write one document a line; blank lines do not count"
        )
    return documents


def decoded(octets: bytes, name: str) -> str:
    """Return the text in `octets`, without a byte-order mark; raise `DataError` if not text."""
    if len(octets) > MAX_BYTES:
        raise DataError(
            f"{name} is larger than {MAX_BYTES // 2**20} MiB",
            "train on a part of it; a run uses one line a step",
        )
    kind, hint = signature(octets)
    if kind:
        raise DataError(f"{name} is {kind}, not text", hint)
    try:
        text = octets.decode(encoding_of(octets))
    except UnicodeDecodeError as error:
        raise _undecodable(octets, name, error) from None
    if "\0" in text:
        raise _binary(octets, name)
    return text


def encoding_of(octets: bytes) -> str:
    """Return the encoding that the byte-order mark names; without a mark, UTF-8."""
    return next((e for mark, e in MARKS.items() if octets.startswith(mark)), "utf-8")


def signature(octets: bytes) -> tuple[str, str]:
    """Return the format of a file that is not text and what to do, by its first bytes; or ""."""
    for begin, known in SIGNATURES.items():
        if octets.startswith(begin):
            return known
    if octets[8:10] == b'{"' and int.from_bytes(octets[:8], "little") <= len(octets) - 8:
        return "a safetensors file (a checkpoint?)", _NUMBERS
    return "", ""


def _binary(octets: bytes, name: str) -> DataError:
    """Return the error for a file with zero bytes, which text in UTF-8 does not have."""
    order = _unmarked(octets)
    if order:
        return DataError(
            f"{name} seems to be UTF-16 text without a byte-order mark",
            f"save it as UTF-8, for instance: iconv -f {order} -t utf-8 OLD > NEW",
        )
    offset = octets.index(0)
    return DataError(
        f"{name} is not text: it holds zero bytes, the first at offset {offset:,}", _PICTURE
    )


def _unmarked(octets: bytes) -> str:
    """Return the UTF-16 byte order in which the octets are readable text, or ""."""
    head = octets[:2000]
    found = []
    for order in ("utf-16le", "utf-16be"):
        text = head[: len(head) // 2 * 2].decode(order, "replace").removesuffix("\ufffd")
        if len(octets) % 2 == 0 and text and all(map(_is_common, text)):
            found.append((sum(c.isascii() or c.isspace() for c in text), order))
    return max(found)[1] if found else ""


def _is_common(c: str) -> bool:
    """Return whether text may have this character: assigned, not a control except white space."""
    return c in "\t\n\v\f\r" or (
        unicodedata.category(c) not in ("Cc", "Cn", "Co", "Cs") and c != "\ufffd"
    )


def _undecodable(octets: bytes, name: str, error: UnicodeDecodeError) -> DataError:
    line = octets.count(b"\n", 0, error.start) + 1
    encoding = error.encoding.upper()
    what = (
        f"{name} is not {encoding} text: byte 0x{octets[error.start]:02x} at offset "
        f"{error.start:,} (line {line:,}): {error.reason}"
    )
    if not error.encoding.startswith("utf-8"):
        return DataError(
            what, f"its first bytes are the byte-order mark of {encoding}; save it as UTF-8"
        )
    if 0 in octets:
        return _binary(octets, name)
    if error.end == len(octets) and error.reason == "unexpected end of data":
        return DataError(what, "the file is cut in the middle of a character; copy it again")
    if any(octet < 32 and octet not in b"\t\n\v\f\r\x1b" for octet in set(octets)):
        return DataError(f"{what}; its control characters show that it is not text", _PICTURE)
    if _SURROGATE.match(octets, error.start):
        return DataError(
            f"{what}, half of a UTF-16 surrogate pair",
            "write the file again without surrogates, in Python: open(NEW, 'w', encoding='utf-8', "
            "errors='replace')",
        )
    if _is_mostly_utf8(octets):
        return DataError(
            f"{what}; the rest of it is UTF-8",
            "correct that byte in an editor, or drop all invalid bytes: "
            "iconv -c -f utf-8 -t utf-8 OLD > NEW",
        )
    return DataError(what, f"save it as UTF-8, for instance: iconv -f {_guessed(octets)}")


def _is_mostly_utf8(octets: bytes) -> bool:
    """Return whether it decodes as UTF-8 to more non-ASCII characters than invalid sequences."""
    foreign = re.sub(r"[\0-\x7f]+", "", octets.decode("utf-8", "replace"))
    return foreign.count("\ufffd") * 2 < len(foreign)


def _guessed(octets: bytes) -> str:
    """Return iconv's arguments: a Western encoding if most letters are ASCII, else ENCODING."""
    foreign = [octet for octet in octets if octet >= 128]
    letters = sum(map(str.isalpha, octets.decode("ascii", "ignore")))
    if len(foreign) < letters:
        west = "latin1" if min(foreign) >= 0xA0 else "cp1252"  # quotes and dashes, 0x80 to 0x9f
        return f"{west} -t utf-8 OLD > NEW"
    return "ENCODING -t utf-8 OLD > NEW (perhaps cp1251, shift_jis, gb18030, euc-kr)"


def fingerprint(documents: Sequence[str]) -> str:
    """Return the SHA-256 of the documents in file order, which identifies them in checkpoints."""
    return hashlib.sha256("\n".join(documents).encode("utf-8", "surrogatepass")).hexdigest()
