"""Nearest neighbour of a text among documents, by Levenshtein distance.

Letter counts give a lower bound of the distance. Documents are measured in order of that bound,
until no bound is below the best distance found.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice

LONGEST = 32  # characters; longer texts get no neighbour
MOST = 50_000  # documents to look through for one text
SLICE = 1000  # documents to index at a time, a few milliseconds
COUNTED = 3  # the largest count of one character


class Nearest:
    """Finds neighbours among `documents`, indexed in slices, or on the first query."""

    def __init__(self, documents: Iterable[str]) -> None:
        self._known: set[str] = set()
        self._places: dict[str, int] = {}  # by character; its first bit is 3 times this
        self._counted: dict[int, tuple[list[int], list[str]]] = {}  # by the number of bits
        self._rest = self._index(documents)

    def index(self) -> Iterator[None]:
        """Yield after each slice of the index; a query indexes the rest."""
        for _ in self._rest:  # `yield from` would close it when the caller stops early
            yield

    def _finish(self) -> None:
        for _ in self._rest:
            pass

    def _index(self, documents: Iterable[str]) -> Iterator[None]:
        rest = iter(documents)
        while batch := list(islice(rest, SLICE)):
            self._known.update(batch)
            yield
        short = [text for text in self._known if len(text) <= LONGEST]
        yield
        if len(short) > MOST:
            return
        short.sort()
        self._places = {c: i for i, c in enumerate(sorted(set().union(*short, "")))}
        for number, document in enumerate(short):
            count = self._count(document)
            counts, texts = self._counted.setdefault(count.bit_count(), ([], []))
            counts.append(count)
            texts.append(document)
            if number % SLICE == SLICE - 1:
                yield

    def knows(self, text: str) -> bool:
        """Return whether it is one of the documents."""
        self._finish()
        return text in self._known

    def of(self, text: str) -> tuple[str, int]:
        """Return a nearest document, always the same one, and its distance.

        Returns an empty text and 0 if the text is too long or there are too many documents.
        """
        self._finish()
        if not self._counted or len(text) > LONGEST:
            return "", 0
        if text in self._known:
            return text, 0
        count = self._count(text)
        foreign = sum(c not in self._places for c in text)
        size = count.bit_count() + foreign
        found, best = "", LONGEST + len(text)
        # documents by the lower bound of their distance
        levels: list[list[str]] = [[] for _ in range(LONGEST + len(text) + 1)]
        bound = 0
        while bound < best:  # a difference in size is a lower bound too
            for other in {size - bound, size + bound} & self._counted.keys():
                counts, texts = self._counted[other]
                differing = [(count ^ one).bit_count() for one in counts]
                for document, n in zip(texts, differing, strict=True):
                    levels[(n + foreign + bound) // 2].append(document)
            best, found = min([(best, found), *((distance(text, d), d) for d in levels[bound])])
            bound += 1
        return found, best

    def _count(self, text: str) -> int:
        """Return the letter counts of `text` as bits: one bit for each occurrence, at most 3."""
        bits = 0
        for c in text:
            if c in self._places:
                first = 1 << COUNTED * self._places[c]
                for bit in (first, first << 1, first << 2):
                    if not bits & bit:
                        bits |= bit
                        break
        return bits


def distance(a: str, b: str) -> int:
    """Return the Levenshtein distance of two texts.

    Each column of the table is held as the bits of two integers: H. Hyyrö, "A bit-vector algorithm
    for computing Levenshtein and Damerau edit distances" (2003), figure 3.
    """
    if not a or not b:
        return len(a) + len(b)
    where: dict[str, int] = {}
    for i, c in enumerate(a):
        where[c] = where.get(c, 0) | 1 << i
    mask, last = (1 << len(a)) - 1, 1 << len(a) - 1
    up, down, gap = mask, 0, len(a)  # bits: rises by 1, falls by 1; last number
    for c in b:
        match = where.get(c, 0)
        diagonal = (((match & up) + up) ^ up) | match | down
        rises, falls = down | ~(diagonal | up), up & diagonal
        gap += bool(rises & last) - bool(falls & last)
        rises, falls = rises << 1 | 1, falls << 1
        up, down = (falls | ~(diagonal | rises)) & mask, rises & diagonal & mask
    return gap
