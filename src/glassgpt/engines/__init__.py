"""Engines: different ways to compute the same numbers. README.md beside this file is their law."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from glassgpt.arrays import Array
from glassgpt.errors import EngineError
from glassgpt.model.config import Config, Hyper
from glassgpt.model.parameters import Block
from glassgpt.model.state import State
from glassgpt.model.tokenizer import TokenLists

INSTRUCTION_SETS_OF: dict[str, tuple[str, ...]] = {  # the widest first
    "fast": ("avx512", "avx2", "sse2", "neon", "simd128", "generic"),
    "scalar": ("python",),
}
ENGINES = tuple(INSTRUCTION_SETS_OF)  # by name, the fastest first


@dataclass(frozen=True, slots=True)
class Gradients:
    """The gradient of the loss with respect to every site and every parameter, by name."""

    sites: Mapping[str, Array]
    params: Mapping[str, Array]


class Engine(Protocol):
    """The seam: named arrays in, named arrays out, by phase.

    `tokens` is BOS + ids + BOS clipped to `block_size` + 1: the model sees tokens[:-1] and is asked
    for tokens[1:]. A step that would leave the finite numbers raises `DivergenceError` and leaves
    the state as it was.
    """

    name: str
    instruction_set: str

    def load(self, state: State) -> None:
        """Take over parameters and moments (copied)."""

    def state(self) -> State:
        """Return a copy of parameters and moments."""

    def weight(self, name: str, index: tuple[int, ...]) -> float:
        """Return one number of a parameter: what `state` holds there, without the copy."""

    def fill(self, block: Block, value: float) -> None:
        """Set these cells of a parameter; moments stay, and a backward needs another forward."""

    def forward(self, tokens: Sequence[int]) -> Mapping[str, Array]:
        """Compute every site for one document and return them by name."""

    def backward(self, weight: float = 1.0) -> Gradients:
        """Return the gradients of `weight` × the loss of the last forward.

        Parameter gradients add up over calls until `update`: a batch is several documents, each
        at weight 1/B.
        """

    def update(self, hyper: Hyper) -> None:
        """Take one Adam step with the gradients added up, which then start from zero again."""

    def run(self, documents: TokenLists, config: Config, start: int, steps: int) -> list[float]:
        """Take so many steps after `start` updates; return their losses.

        Step s learns from document s modulo their number, with the settings `hyper(config, s)`: the
        same bits as the single phases.

        Whatever ends it early, a `DivergenceError` or Ctrl-C, leaves whole steps behind and carries
        in its attribute `losses` those of the steps that were completed.
        """

    def logits(self, tokens: Sequence[int]) -> Array:
        """Return the logits (V,) of what follows `tokens`, at most `block_size` of them."""

    def evaluate(self, documents: TokenLists) -> list[float]:
        """Return the loss of each document, learning nothing."""


def default_engine(wanted: str = ENGINES[0]) -> tuple[str, str]:
    """Return the engine `wanted`, or "scalar" and why the one wanted is not available."""
    why_not = unavailable(wanted)
    return ("scalar", why_not) if why_not else (wanted, "")


def unavailable(name: str) -> str:
    """Return why an engine cannot serve on this machine, nothing if it can."""
    if name == "fast":
        from glassgpt.engines.kernel_binding import library

        try:
            library()
        except EngineError as error:
            return str(error)
    return ""


def create(name: str, config: Config, vocab_size: int) -> Engine:
    """Return a new engine by name, not yet loaded; raise `EngineError` where it cannot serve."""
    if name == "fast":
        from glassgpt.engines.fast import FastEngine

        return FastEngine(config, vocab_size)
    if name == "scalar":
        from glassgpt.engines.scalar_engine import ScalarEngine

        return ScalarEngine(config, vocab_size)
    raise EngineError(f"there is no engine {name!r}", f"choose one of: {', '.join(ENGINES)}")
