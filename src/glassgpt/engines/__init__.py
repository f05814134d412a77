"""Engines: different ways to compute the same numbers. README.md states the rules."""

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
    """The interface of an engine: named arrays in, named arrays out, by phase.

    `tokens` is BOS + ids + BOS clipped to `block_size` + 1: the input is tokens[:-1], the target
    tokens[1:]. A step that would give a number that is not finite raises `DivergenceError` and
    does not change the state.
    """

    name: str
    instruction_set: str

    def load(self, state: State) -> None:
        """Copy parameters and moments from `state`."""

    def state(self) -> State:
        """Return a copy of parameters and moments."""

    def weight(self, name: str, index: tuple[int, ...]) -> float:
        """Return one number of a parameter, without copying the state."""

    def fill(self, block: Block, value: float) -> None:
        """Set cells of a parameter; moments stay. Call `forward` again before `backward`."""

    def forward(self, tokens: Sequence[int]) -> Mapping[str, Array]:
        """Compute every site for one document and return them by name."""

    def backward(self, weight: float = 1.0) -> Gradients:
        """Return the gradients of `weight` × the loss of the last forward.

        Parameter gradients add up over calls until `update`: a batch is several documents, each
        at weight 1/B.
        """

    def update(self, hyper: Hyper) -> None:
        """Take one Adam step with the accumulated gradients, then reset these to zero."""

    def run(self, documents: TokenLists, config: Config, start: int, steps: int) -> list[float]:
        """Take `steps` steps after `start` updates; return their losses.

        Step s trains on document s modulo their number, with the settings `hyper(config, s)`, and
        gives the same bits as the single phases.

        An exception, such as `DivergenceError` or Ctrl-C, ends it between two steps; its attribute
        `losses` has the losses of the completed steps.
        """

    def logits(self, tokens: Sequence[int]) -> Array:
        """Return the logits (V,) of the token after `tokens`, which are at most `block_size`."""

    def evaluate(self, documents: TokenLists) -> list[float]:
        """Return the loss of each document, without training."""


def default_engine(wanted: str = ENGINES[0]) -> tuple[str, str]:
    """Return the engine `wanted`, or "scalar" and the reason why `wanted` is not available."""
    why_not = unavailable(wanted)
    return ("scalar", why_not) if why_not else (wanted, "")


def unavailable(name: str) -> str:
    """Return why an engine is not available on this machine, "" if it is."""
    if name == "fast":
        from glassgpt.engines.kernel_binding import library

        try:
            library()
        except EngineError as error:
            return str(error)
    return ""


def create(name: str, config: Config, vocab_size: int) -> Engine:
    """Return a new engine by name, without a state; raise `EngineError` if it is not available."""
    if name == "fast":
        from glassgpt.engines.fast import FastEngine

        return FastEngine(config, vocab_size)
    if name == "scalar":
        from glassgpt.engines.scalar_engine import ScalarEngine

        return ScalarEngine(config, vocab_size)
    raise EngineError(f"there is no engine {name!r}", f"choose one of: {', '.join(ENGINES)}")
