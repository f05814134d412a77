"""Segmentation: splits long plain text into paragraphs, sentences or words.

A step trains on the beginning of one document only, so a novel in three lines would give three
short examples. Only white space is left out, and punctuation where the text is cut into words.
"""

from __future__ import annotations

import re
import statistics
from collections.abc import Sequence

from glassgpt.errors import DataError

WAYS = ("paragraphs", "sentences", "words")
LONG = 60  # characters: a median line of this length is taken for prose

_BLANK = re.compile(r"\n[^\S\n]*\n")
_END = re.compile(r"(?<=[.!?…])(?:[\"'”’»)\]]*)\s+|(?<=[。！？])")
_WORD = re.compile(r"[^\W_]+(?:['’\-][^\W_]+)*")


def is_prose(documents: Sequence[str]) -> bool:
    """Return whether these lines look like running text, not one document a line."""
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
    """Return the parts between blank lines; the lines if there is no blank line."""
    parts = _BLANK.split(text.strip())
    if len(parts) == 1:
        parts = text.split("\n")
    return [plain for part in parts if (plain := " ".join(part.split()))]


def _sentences(paragraph: str) -> list[str]:
    """Return the sentences, each with its closing quotation marks."""
    found, start = [], 0
    for end in _END.finditer(paragraph):
        found.append(paragraph[start : end.end()].strip())
        start = end.end()
    return [one for one in (*found, paragraph[start:].strip()) if one]
