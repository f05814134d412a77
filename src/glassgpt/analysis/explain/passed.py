"""The forward and backward pass of one document, with all its numbers."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from glassgpt.analysis.explain.explanation import Factor
from glassgpt.arrays import Array, shape
from glassgpt.engines import Engine
from glassgpt.model.activations import Site, sites
from glassgpt.model.address import Address, Index, checked, parse_address, spell
from glassgpt.model.config import Config
from glassgpt.model.state import State
from glassgpt.model.tokenizer import Tokenizer

_LAYER = re.compile(r"^layer\d+\.")


@dataclass(frozen=True, slots=True)
class Pass:
    """The forward and backward pass of `tokens` after `step` updates: what an update uses.

    `values` and `grads` hold every site and parameter by name.
    """

    config: Config
    tokenizer: Tokenizer
    step: int
    state: State
    tokens: Sequence[int]
    sites: Mapping[str, Site]
    values: Mapping[str, Array]
    grads: Mapping[str, Array]

    @property
    def positions(self) -> int:
        """How many positions of the document the model sees."""
        return len(self.tokens) - 1

    def address(self, text: str) -> Address:
        """Return the address in `text`; raise `AddressError` if there is no such number."""
        return checked(parse_address(text), self.config, self.tokenizer.vocab_size, self.positions)

    def size(self, name: str) -> tuple[int, ...]:
        """Return the length of each axis of a site or parameter."""
        return shape(self.values[name])

    def factor(self, name: str, index: Index) -> Factor:
        """Return the number of a site or parameter at `index`, by its name."""
        return Factor(
            f"{short(name)}{_brackets(index)}",
            self.values[name][index],
            spell("value", name, index),
        )

    def gradient(self, name: str, index: Index) -> Factor:
        """Return the gradient there."""
        return Factor(
            f"∂{short(name)}{_brackets(index)}", self.grads[name][index], spell("grad", name, index)
        )


def pass_through(
    engine: Engine,
    config: Config,
    tokenizer: Tokenizer,
    step: int,
    state: State,
    tokens: Sequence[int],
) -> Pass:
    """Return the pass of `tokens` (BOS + ids + BOS, clipped) at `state`, computed by `engine`."""
    engine.load(state)
    values = dict(engine.forward(tokens))
    gradients = engine.backward()
    return Pass(
        config,
        tokenizer,
        step,
        state,
        tuple(tokens),
        {site.name: site for site in sites(config)},
        {**state.params, **values},
        {**gradients.params, **gradients.sites},
    )


def short(name: str) -> str:
    """Return a name without its layer: attn.q of layer0.attn.q."""
    return _LAYER.sub("", name)


def _brackets(index: Index) -> str:
    return f"[{','.join(map(str, index))}]" if index else ""
