"""Sampling tokens from logits: temperature, softmax, a draw, until BOS or a full context.

Temperature 0 is greedy: the token with the largest logit has probability 1; of several such tokens,
the one with the lowest id.

Pure functions of numbers and a random generator, independent of engines. The arithmetic keeps
microgpt's order, so its samples are reproduced letter for letter.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from numbers import Integral

from glassgpt.errors import ConfigError, DivergenceError, counted

MAX_DRAW_SEED = 2**53 - 1  # JavaScript's integers, and so the page's links, are exact up to here
_UNSEEDED = "leave it empty for the run's own random stream"


@dataclass(frozen=True, slots=True)
class Draw:
    """One drawn `token`, and the probabilities (V,) it was drawn from."""

    token: int
    probs: list[float]


def probabilities(logits: Sequence[float], temperature: float) -> list[float]:
    """Return softmax(logits / temperature), (V,); at temperature 0, 1 for the largest logit."""
    if temperature == 0:
        greedy = logits.index(max(logits))  # the lowest id of several
        return [float(token == greedy) for token in range(len(logits))]
    # a / b is a · b^−1 as the autograd does it, and sums run from 0 in order: Python 3.12's
    # own sum() compensates for rounding, which would change last bits
    largest = max(logits)
    if abs(largest) < 1e200 and temperature > 1e-100:
        tempered = [logit * temperature**-1 for logit in logits]
        largest = max(tempered)
        exps = [math.exp(number - largest) for number in tempered]
    else:  # a quotient may overflow here; the differences do not
        exps = [math.exp((logit - largest) / temperature) for logit in logits]
    total = 0.0
    for e in exps:
        total += e
    return [e * total**-1 for e in exps]


def check_room(prefix: Sequence[int], block_size: int) -> None:
    """Raise `ConfigError` if a prefix fills the whole context."""
    if len(prefix) >= block_size:
        raise ConfigError(
            f"the prefix has {counted(len(prefix), 'character')}, but the context leaves room "
            f"for {block_size - 1}",
            "shorten the prefix, or train with a larger block_size",
        )


def check_draw_seed(seed: int | None) -> int | None:
    """Return the seed, None for the run's own stream; raise `ConfigError` if it is not valid."""
    if seed is None:
        return None
    if not isinstance(seed, Integral) or isinstance(seed, bool):
        raise ConfigError(f"draw seed is {seed!r}, but must be a whole number", _UNSEEDED)
    if not 0 <= seed <= MAX_DRAW_SEED:
        raise ConfigError(
            f"draw seed is {seed:,}, but must be between 0 and {MAX_DRAW_SEED:,}", _UNSEEDED
        )
    return int(seed)


def generate(
    next_logits: Callable[[Sequence[int]], Sequence[float]],
    bos: int,
    block_size: int,
    temperature: float,
    rng: random.Random,
    prefix: Sequence[int] = (),
) -> Iterator[Draw]:
    """Yield the draws of one text that begins with `prefix`; the last is BOS unless it is cut off.

    `next_logits` takes the tokens so far, BOS first, and returns the logits (V,) of the next one.
    """
    check_room(prefix, block_size)
    tokens = [bos, *prefix]
    for _ in range(block_size - len(prefix)):
        logits = next_logits(tokens)
        if not all(map(math.isfinite, logits)):
            bad = next(i for i, number in enumerate(logits) if not math.isfinite(number))
            raise DivergenceError(f"a logit is {logits[bad]!r}", "logits", (len(tokens) - 1, bad))
        probs = probabilities(logits, temperature)
        token = rng.choices(range(len(probs)), weights=probs)[0]
        yield Draw(token, probs)
        if token == bos:
            return
        tokens.append(token)
