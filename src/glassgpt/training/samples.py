"""Samples of an engine's weights."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence

from glassgpt.arrays import numbers
from glassgpt.engines import Engine
from glassgpt.model.config import Config, Sampling
from glassgpt.model.sampling import Draw, generate
from glassgpt.model.tokenizer import Tokenizer


def draw_samples(
    engine: Engine, tokenizer: Tokenizer, config: Config, sampling: Sampling, rng: random.Random
) -> Iterator[Iterator[Draw]]:
    """Yield the draws of each sample in turn; finish one before asking for the next."""
    prefix = tokenizer.encode(sampling.prefix)

    def next_logits(tokens: Sequence[int]) -> list[float]:
        return numbers(engine.logits(tokens))

    for _ in range(sampling.num_samples):
        yield generate(
            next_logits, tokenizer.bos, config.block_size, sampling.temperature, rng, prefix
        )


def text_of(draws: Sequence[Draw], tokenizer: Tokenizer, prefix: str = "") -> str:
    """Return `prefix` and the text of the draws."""
    return prefix + tokenizer.decode([draw.token for draw in draws if draw.token != tokenizer.bos])
