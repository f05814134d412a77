"""Finds the first number that is not finite, for the `DivergenceError` of every engine."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping

from glassgpt.arrays import Array, numbers, shape, unravel
from glassgpt.errors import DivergenceError
from glassgpt.model.activations import Site

ZERO_PROBABILITY = (
    "the model gave the token that came next a probability of 0, so the loss became infinite"
)


def first_not_finite(sites: Iterable[Site], values: Mapping[str, Array]) -> DivergenceError:
    """Return the error for the first number, in the order of computation, that is not finite."""
    for site in sites:
        lengths = shape(values[site.name])
        for offset, number in enumerate(numbers(values[site.name])):
            if math.isfinite(number):
                continue
            index = unravel(offset, lengths)
            if site.name.endswith("attn.scores") and index[2] > index[1]:
                continue  # the future is masked
            if site.name == "losses" and number == math.inf:
                return DivergenceError(ZERO_PROBABILITY, site.name, index)
            return DivergenceError(f"a number became {number!r}", site.name, index)
    return DivergenceError("the loss stopped being finite", "loss", ())


def worst_gradient(gradients: Mapping[str, Array]) -> DivergenceError:
    """Return the error for the weight whose gradient is not finite, or else is the largest."""

    def size(number: float) -> float:
        return math.inf if math.isnan(number) else abs(number)

    name = max(gradients, key=lambda name: max(map(size, numbers(gradients[name]))))
    grads = numbers(gradients[name])
    offset = max(range(len(grads)), key=lambda i: size(grads[i]))
    index = unravel(offset, shape(gradients[name]))
    return DivergenceError(f"a gradient became {grads[offset]!r}", name, index)
