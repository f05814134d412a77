"""Baselines for a loss: the loss of uniform and n-gram models on the same documents.

All are computed like the loss: the mean over documents of the mean over their positions of −log p,
BOS at both ends, in nats. The counts come from all documents, without smoothing, so an n-gram is
evaluated on the same documents that it was counted on.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

from glassgpt.engines import Engine
from glassgpt.model.tokenizer import TokenLists

SLICE = 500  # documents to count at a time, a few milliseconds of short ones
NOTHING = -1  # in place of a token before the first one


@dataclass(frozen=True, slots=True)
class Baselines:
    """Losses in nats of the uniform distribution, unigrams, bigrams and trigrams."""

    uniform: float
    unigram: float
    bigram: float
    trigram: float


def baselines(documents: Iterable[Sequence[int]], vocab_size: int) -> Baselines:
    """Return the baselines of `documents`, each BOS + ids + BOS and not clipped."""
    *_, found = counting(documents, vocab_size)
    assert found is not None
    return found


def counting(documents: Iterable[Sequence[int]], vocab_size: int) -> Iterator[Baselines | None]:
    """Yield None after each slice of the counting, and finally the baselines."""
    counts = _Counts()
    rest = iter(documents)
    while batch := list(islice(rest, SLICE)):
        counts.add(batch)
        yield None
    yield Baselines(math.log(vocab_size), *(counts.mean_loss(n) for n in (1, 2, 3)))


def ngram(documents: Sequence[Sequence[int]], n: int) -> float:
    """Return the loss of the n-gram model, n ≤ 3."""
    counts = _Counts()
    counts.add(documents)
    return counts.mean_loss(n)


class _Counts:
    """How often each token follows each two before it, by the length of the document.

    A document's loss is a mean over its positions, so each position weighs 1 / its length. All
    n-grams up to three follow from these counts, by leaving out the tokens further back.
    """

    def __init__(self) -> None:
        self._documents = 0
        self._by_length: dict[int, Counter[tuple[int, int, int]]] = {}

    def add(self, documents: Sequence[Sequence[int]]) -> None:
        self._documents += len(documents)
        joined: dict[int, list[int]] = defaultdict(list)  # one count for each length is quick
        for tokens in documents:
            joined[len(tokens) - 1] += (NOTHING, *tokens)
        for length, row in joined.items():
            counter = self._by_length.setdefault(length, Counter())
            counter.update(zip(row, row[1:], row[2:]))

    def mean_loss(self, n: int) -> float:
        """Return the mean over documents of the mean over their positions of −log p."""
        times: dict[tuple[int, ...], int] = defaultdict(int)
        weights: dict[tuple[int, ...], float] = defaultdict(float)
        contexts: dict[tuple[int, ...], int] = defaultdict(int)
        for length, counter in self._by_length.items():
            for triple, count in counter.items():
                if NOTHING in triple[1:]:  # from one document into the next
                    continue
                times[triple[3 - n :]] += count
                weights[triple[3 - n :]] += count / length
                contexts[triple[3 - n : 2]] += count
        losses = (
            weight * math.log(contexts[gram[:-1]] / times[gram]) for gram, weight in weights.items()
        )
        return math.fsum(losses) / self._documents


def validation_documents(documents: Sequence[str]) -> Sequence[str]:
    """Return the last tenth (at least one) of the shuffled documents: the last to train on."""
    return documents[-max(1, len(documents) // 10) :]


def seen_count(documents: Sequence[str], step: int) -> int:
    """Return the number of validation documents whose text a run of `steps` steps has trained on.

    A text that occurs in the data more than once may have been used at another index.
    """
    held = validation_documents(documents)
    learned = set(held).intersection(documents[:step])
    return sum(text in learned for text in held)


def validation_loss(
    engine: Engine, documents: TokenLists, progress: Callable[[int], None] = lambda _: None
) -> float:
    """Return the mean loss of the documents; `progress` is called with each number evaluated."""
    losses: list[float] = []
    for start in range(0, len(documents), 8):
        losses += engine.evaluate(documents.part(start, start + 8))
        progress(len(losses) - start)
    return math.fsum(losses) / len(losses)
