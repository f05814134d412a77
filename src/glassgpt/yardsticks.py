"""Yardsticks for a loss: what guessing by simple counts would score on the same documents.

All are taken as the loss is: the mean over documents of the mean over their positions of −log p,
BOS at both ends, in nats. The counts come from all documents, with no smoothing, so an n-gram's
figure is what it scores on the very documents it has counted.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from glassgpt.engines import Engine
from glassgpt.tokenizer import TokenLists


@dataclass(frozen=True, slots=True)
class Yardsticks:
    """Mean surprise in nats of guessing uniformly, or from the 0, 1 or 2 tokens before."""

    uniform: float
    unigram: float
    bigram: float
    trigram: float


def yardsticks(documents: Iterable[Sequence[int]], vocab_size: int) -> Yardsticks:
    """Return the yardsticks of `documents`, each BOS + ids + BOS and not clipped."""
    documents = list(documents)
    return Yardsticks(math.log(vocab_size), *(ngram(documents, n) for n in (1, 2, 3)))


def ngram(documents: Sequence[Sequence[int]], n: int) -> float:
    """Return the mean surprise of guessing each token from the n − 1 tokens before it."""
    pairs = [
        [(tuple(tokens[max(0, i - n + 1) : i]), tokens[i]) for i in range(1, len(tokens))]
        for tokens in documents
    ]
    seen = Counter(pair for document in pairs for pair in document)
    contexts: Counter[tuple[int, ...]] = Counter()
    for (context, _), times in seen.items():
        contexts[context] += times
    surprise = {pair: math.log(contexts[pair[0]] / times) for pair, times in seen.items()}
    per_document = (
        math.fsum(surprise[pair] for pair in document) / len(document) for document in pairs
    )
    return math.fsum(per_document) / len(documents)


def held_out(documents: Sequence[str]) -> Sequence[str]:
    """Return the last tenth (at least one) of the shuffled documents: training reaches it last."""
    return documents[-max(1, len(documents) // 10) :]


def is_unseen(documents: Sequence[str], step: int) -> bool:
    """Return whether a run of so many steps has learned from none of the last tenth."""
    return step <= len(documents) - len(held_out(documents))


def held_out_loss(
    engine: Engine, documents: TokenLists, progress: Callable[[int], None] = lambda _: None
) -> float:
    """Return the mean loss of the documents, calling `progress` with how many more are done."""
    losses: list[float] = []
    for start in range(0, len(documents), 8):
        losses += engine.evaluate(documents.part(start, start + 8))
        progress(len(losses) - start)
    return math.fsum(losses) / len(losses)
