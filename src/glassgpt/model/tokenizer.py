"""Character tokenizer: the sorted unique characters have the ids 0 … n−1, and BOS is n.

A document becomes BOS + ids + BOS: the same token opens and closes it, so the model learns both
where to begin and when to stop. A character is a Unicode code point.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import accumulate, pairwise
from sys import byteorder
from typing import overload

from glassgpt.errors import DataError, TokenizeError, shorten

MAX_VOCABULARY = 20_000


@dataclass(frozen=True, slots=True)
class Tokenizer:
    """A vocabulary: `characters` in order of their ids."""

    characters: str
    _ids: dict[str, int] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_ids", {c: i for i, c in enumerate(self.characters)})
        if not self.characters or len(self._ids) != len(self.characters):
            raise DataError(
                f"a vocabulary needs distinct characters, not {shorten(self.characters)!r}"
            )
        half = next((c for c in self.characters if "\ud800" <= c <= "\udfff"), None)
        if half is not None:
            raise DataError(
                f"the documents contain U+{ord(half):04X}, half of a UTF-16 surrogate pair",
                "read the text as UTF-8; in text from JSON, half of an escape is missing",
            )
        if len(self.characters) > MAX_VOCABULARY:
            raise DataError(
                f"the documents have {len(self.characters):,} different characters; "
                f"the limit is {MAX_VOCABULARY:,}",
                "train on text in an alphabet or a smaller script",
            )

    @classmethod
    def of(cls, documents: Iterable[str]) -> Tokenizer:
        """Return the tokenizer whose vocabulary is every character of `documents`."""
        return cls("".join(sorted(set().union(*documents))))

    @property
    def bos(self) -> int:
        """The id that begins and ends a document."""
        return len(self.characters)

    @property
    def vocab_size(self) -> int:
        """The number of ids, including BOS."""
        return len(self.characters) + 1

    def encode(self, text: str) -> list[int]:
        """Return the ids of `text`, without BOS; raise `TokenizeError` at an unknown character."""
        try:
            return [self._ids[c] for c in text]
        except KeyError as error:
            (c,) = error.args
            raise TokenizeError(
                f"the character {c!r} (U+{ord(c):04X}) of {shorten(text)!r} "
                "is not in the vocabulary",
                f"the vocabulary is: {shorten(self.characters)}",
            ) from None

    def encode_document(self, text: str) -> list[int]:
        """Return BOS + ids + BOS."""
        return [self.bos, *self.encode(text), self.bos]

    def encode_documents(self, texts: Sequence[str], block_size: int) -> TokenLists:
        """Return every text as BOS + ids + BOS, clipped to the block_size + 1 that a context needs.

        `str.translate` does this quickly: in the translated string each code point is an id. It
        works because all ids are below the surrogates.
        """
        bos = chr(self.bos)
        names = _Names({ord(c): chr(i) for i, c in enumerate(self.characters)})
        lists = [
            f"{bos}{text[:block_size].translate(names)}{bos}"[: block_size + 1] for text in texts
        ]
        tokens = array("i", "".join(lists).encode(f"utf-32-{byteorder[0]}e"))
        return TokenLists(tokens, array("q", accumulate(map(len, lists), initial=0)))

    def decode(self, ids: Sequence[int]) -> str:
        """Return the text of `ids`, which must not contain BOS."""
        return "".join(self.characters[i] for i in ids)

    def name(self, token: int) -> str:
        """Return the printed name of one `token`: its character, or BOS."""
        return "BOS" if token == self.bos else self.characters[token]


class _Names(dict[int, str]):
    """For str.translate: each known character's id as a character; an unknown one is an error."""

    def __missing__(self, code: int) -> str:
        raise TokenizeError(f"the character {chr(code)!r} (U+{code:04X}) is not in the vocabulary")


class TokenLists(Sequence[list[int]]):
    """Documents as tokens, packed: number i is tokens[offsets[i] : offsets[i + 1]].

    `tokens` become int32 and `offsets`, one more than there are documents, int64; both are copied
    and do not change.
    """

    def __init__(self, tokens: Iterable[int], offsets: Iterable[int]) -> None:
        self._tokens = array("i", tokens)
        self._offsets = array("q", offsets)
        self._checked_for: tuple[int, int] | None = None

    def __len__(self) -> int:
        return max(0, len(self._offsets) - 1)

    def check(self, vocab_size: int, block_size: int) -> None:
        """Raise `ValueError` unless every document has 2 to `block_size` + 1 tokens, all known."""
        if self._checked_for == (vocab_size, block_size):
            return
        inside = (
            len(self._offsets) > 0
            and self._offsets[0] >= 0
            and self._offsets[-1] <= len(self._tokens)
        )
        lengths = [after - before for before, after in pairwise(self._offsets)]
        if not inside or not all(2 <= length <= block_size + 1 for length in lengths):
            raise ValueError(f"a document does not have 2 to {block_size + 1} tokens")
        tokens = self._tokens[self._offsets[0] : self._offsets[-1]]
        if tokens and not 0 <= min(tokens) <= max(tokens) < vocab_size:
            raise ValueError(f"a token is outside the vocabulary of {vocab_size}")
        self._checked_for = (vocab_size, block_size)

    def part(self, start: int, stop: int) -> TokenLists:
        """Return documents `start` to `stop` − 1, without a copy of their tokens."""
        part = TokenLists((), self._offsets[start : stop + 1])
        part._tokens = self._tokens
        return part

    @property
    def tokens(self) -> memoryview[int]:
        """All tokens, int32, read-only."""
        return memoryview(self._tokens).toreadonly()

    @property
    def offsets(self) -> memoryview[int]:
        """Where each document begins, int64, read-only."""
        return memoryview(self._offsets).toreadonly()

    def addresses(self) -> tuple[int, int]:
        """Return the memory addresses of tokens and offsets, valid while this object exists."""
        return self._tokens.buffer_info()[0], self._offsets.buffer_info()[0]

    @overload
    def __getitem__(self, i: int) -> list[int]: ...
    @overload
    def __getitem__(self, i: slice) -> list[list[int]]: ...
    def __getitem__(self, i: int | slice) -> list[int] | list[list[int]]:
        if isinstance(i, slice):
            return [self[j] for j in range(*i.indices(len(self)))]
        i = range(len(self))[i]
        return self._tokens[self._offsets[i] : self._offsets[i + 1]].tolist()
