"""The parameters: their names, shapes, order and initial values.

The order is that of the random draws and of every flat list of weights.
"""

from __future__ import annotations

import math
import random
from typing import NamedTuple

from glassgpt.arrays import Array, array
from glassgpt.errors import ConfigError
from glassgpt.model.config import Config

MAX_PARAMETERS = 50_000_000  # 1.6 GB with gradients and both moments


class Block(NamedTuple):
    """A rectangle of a parameter: rows `top` to `bottom` − 1, columns `left` to `right` − 1."""

    param: str
    top: int
    bottom: int
    left: int
    right: int


def shapes(config: Config, vocab_size: int) -> dict[str, tuple[int, int]]:
    """Return every parameter's shape (outputs, inputs) by name, in order."""
    C, F = config.n_embd, config.n_hidden
    table = {
        "wte": (vocab_size, C),  # a row for each token
        "wpe": (config.block_size, C),  # a row for each position
        "lm_head": (vocab_size, C),
    }
    for i in range(config.n_layer):
        table |= {
            f"layer{i}.attn_wq": (C, C),
            f"layer{i}.attn_wk": (C, C),
            f"layer{i}.attn_wv": (C, C),
            f"layer{i}.attn_wo": (C, C),
            f"layer{i}.mlp_fc1": (F, C),
            f"layer{i}.mlp_fc2": (C, F),
        }
    return table


def count(config: Config, vocab_size: int) -> int:
    """Return the number of parameters; raise `ConfigError` above `MAX_PARAMETERS`."""
    n = sum(math.prod(shape) for shape in shapes(config, vocab_size).values())
    if n > MAX_PARAMETERS:
        raise ConfigError(
            f"these sizes make a model of {n:,} parameters; the limit is {MAX_PARAMETERS:,}",
            "choose a smaller n_embd or n_layer",
        )
    return n


def initial(config: Config, vocab_size: int, rng: random.Random) -> dict[str, Array]:
    """Draw every weight from a Gaussian of mean 0 and deviation `init_std`, row by row."""
    return {
        name: array((rng.gauss(0, config.init_std) for _ in range(math.prod(shape))), shape)
        for name, shape in shapes(config, vocab_size).items()
    }
