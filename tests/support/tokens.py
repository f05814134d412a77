"""Random tokens, and documents packed as engines take them."""

from __future__ import annotations

import random
from array import array
from itertools import accumulate, chain

from glassgpt.model.tokenizer import TokenLists


def packed(*documents: list[int]) -> TokenLists:
    tokens = array("i", chain.from_iterable(documents))
    return TokenLists(tokens, array("q", accumulate(map(len, documents), initial=0)))


def tokens_of(vocab_size: int, length: int, seed: int = 0) -> list[int]:
    rng = random.Random(seed)
    return [rng.randrange(vocab_size) for _ in range(length)]
