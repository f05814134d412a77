"""Long plain text cut into documents: paragraphs, sentences or words.

A model learns from one document a step and sees its beginning only, so a novel in three lines
teaches it three beginnings. Nothing but white space (and, in words, punctuation) is left out.
"""

from __future__ import annotations

import re
import statistics
from collections.abc import Sequence

from glassgpt.errors import DataError

WAYS = ("paragraphs", "sentences", "words")
LONG = 60  # characters: from here on a line is rather prose than a document

_BLANK = re.compile(r"\n[^\S\n]*\n")
_END = re.compile(r"(?<=[.!?…])(?:[\"'”’»)\]]*)\s+|(?<=[。！？])")
_WORD = re.compile(r"[^\W_]+(?:['’\-][^\W_]+)*")


def is_prose(documents: Sequence[str]) -> bool:
    """Return whether these lines look like a text that was never meant as one document a line."""
    return statistics.median(map(len, documents)) >= LONG


def cut(text: str, way: str) -> list[str]:
    """Return the documents of `text`, cut in one of `WAYS`."""
    text = text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")
    match way:
        case "paragraphs":
            found = _paragraphs(text)
        case "sentences":
            found = [one for paragraph in _paragraphs(text) for one in _sentences(paragraph)]
        case "words":
            found = _WORD.findall(text)
        case _:
            raise DataError(f"text cannot be cut into {way!r}", f"choose one of: {', '.join(WAYS)}")
    if not found:
        raise DataError(f"the text has no {way}", "choose another way to cut it")
    return found


def _paragraphs(text: str) -> list[str]:
    """Return what blank lines part, or else the lines."""
    parts = _BLANK.split(text.strip())
    if len(parts) == 1:
        parts = text.split("\n")
    return [plain for part in parts if (plain := " ".join(part.split()))]


def _sentences(paragraph: str) -> list[str]:
    """Return the sentences; closing quotation marks stay with theirs."""
    found, start = [], 0
    for end in _END.finditer(paragraph):
        found.append(paragraph[start : end.end()].strip())
        start = end.end()
    return [one for one in (*found, paragraph[start:].strip()) if one]
