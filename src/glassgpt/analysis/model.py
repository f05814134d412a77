"""A GPT with fixed weights: draw from it, measure it, look inside."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from glassgpt.arrays import Array, numbers, shape
from glassgpt.engines import Engine, create, default_engine
from glassgpt.errors import ConfigError
from glassgpt.model.activations import sites
from glassgpt.model.config import Config, Sampling
from glassgpt.model.parameters import count
from glassgpt.model.sampling import check_draw_seed, check_room, probabilities
from glassgpt.model.tokenizer import Tokenizer
from glassgpt.training.checkpoint import load_checkpoint
from glassgpt.training.session import draw_samples, text_of
from glassgpt.training.snapshot import Snapshot

TEMPERATURE = Sampling().temperature
if TYPE_CHECKING:
    from glassgpt.analysis.explain import Explanation

END = "BOS"  # the name of the token that ends a text; all others are single characters


@dataclass(frozen=True, slots=True)
class Activation:
    """The numbers of one named array: float64 of `shape` over `axes`.

    `a[3, 7]` reads one number, and `numpy.asarray(a)` reads all of them without a copy. Axes: T
    position, S attended position, C channel, H head, F hidden unit, V token.
    """

    name: str
    axes: tuple[str, ...]
    values: Array

    @property
    def shape(self) -> tuple[int, ...]:
        """The length of each axis."""
        return shape(self.values)

    @property
    def __array_interface__(self) -> dict[str, Any]:
        """Where the numbers lie, for NumPy."""
        octets = self.values.cast("B")
        return {"version": 3, "shape": self.shape, "typestr": "<f8", "data": octets}

    def __getitem__(self, index: int | tuple[int, ...]) -> float:
        return self.values[index]

    def tolist(self) -> Any:
        """Return the numbers as nested lists."""
        return self.values.tolist()

    def __repr__(self) -> str:
        sizes = ", ".join(f"{axis}={n}" for axis, n in zip(self.axes, self.shape, strict=True))
        return f"Activation({self.name}: {sizes or 'one number'})"


class Model:
    """The model of a run after some steps; the run may go on, this stays as it is.

    Samples without a seed come from the run's own random stream, which goes on from call to call.
    """

    def __init__(self, snapshot: Snapshot) -> None:
        self._snapshot = snapshot
        self._rng = snapshot.rng()
        self._name, _ = default_engine(snapshot.engine)
        self._engine = self._loaded()

    def _loaded(self) -> Engine:
        engine = create(self._name, self.config, self.tokenizer.vocab_size)
        engine.load(self._snapshot.state)
        return engine

    @property
    def config(self) -> Config:
        """The settings of its run."""
        return self._snapshot.config

    @property
    def tokenizer(self) -> Tokenizer:
        """Its vocabulary."""
        return self._snapshot.tokenizer

    @property
    def step(self) -> int:
        """How many updates its weights have had."""
        return self._snapshot.step

    @property
    def parameters(self) -> Mapping[str, Array]:
        """Every weight matrix (outputs, inputs) by name: float64, read-only."""
        return MappingProxyType(
            {name: a.toreadonly() for name, a in self._snapshot.state.params.items()}
        )

    # -- writing

    def sample(
        self,
        n: int = 1,
        *,
        prefix: str = "",
        temperature: float = TEMPERATURE,
        seed: int | None = None,
    ) -> list[str]:
        """Return `n` texts drawn from the model, each beginning with `prefix`."""
        return list(self.stream(n, prefix=prefix, temperature=temperature, seed=seed))

    def stream(
        self,
        n: int = 1,
        *,
        prefix: str = "",
        temperature: float = TEMPERATURE,
        seed: int | None = None,
    ) -> Iterator[str]:
        """Return what `sample` returns, each text drawn when it is asked for.

        Raises `ConfigError` or `TokenizeError` at once where nothing can be drawn like that.
        """
        sampling = Sampling(temperature, n, prefix)
        check_room(self.tokenizer.encode(prefix), self.config.block_size)
        rng = self._rng if check_draw_seed(seed) is None else random.Random(seed)
        engine = self._loaded()  # of its own: two streams may take turns
        draws = draw_samples(engine, self.tokenizer, self.config, sampling, rng)
        return (text_of(list(drawn), self.tokenizer, prefix) for drawn in draws)

    def next_probabilities(self, prefix: str = "", temperature: float = 1.0) -> dict[str, float]:
        """Return the probability of each token that may follow `prefix`, the likeliest first.

        The key `"BOS"` is the end of the text.
        """
        ids = self.tokenizer.encode(prefix)
        check_room(ids, self.config.block_size)
        logits = numbers(self._engine.logits([self.tokenizer.bos, *ids]))
        names = [*self.tokenizer.characters, END]
        pairs = zip(names, probabilities(logits, temperature), strict=True)
        return dict(sorted(pairs, key=lambda pair: -pair[1]))

    # -- measuring and looking inside

    def loss(self, text: str) -> float:
        """Return the mean −log p of the tokens of `text` and of its end, in nats."""
        return float(self._forward(text)["loss"][()])

    def activations(self, text: str) -> dict[str, Activation]:
        """Return every named array that the model computes for `text`, in the order of making."""
        values = self._forward(text)
        return {
            site.name: Activation(site.name, site.axes, values[site.name].toreadonly())
            for site in sites(self.config)
        }

    def explain(self, address: str, text: str) -> Explanation:
        """Return why a number is what it is when the model reads `text`.

        `address` is `layer0.attn.q[3,7]`, `grad:wte[4,3]`, `loss`; raises `AddressError` where the
        model has no such number.
        """
        from glassgpt.analysis.explain import (  # a tenth of the package's import
            explain,
            pass_through,
        )

        passed = pass_through(
            self._engine,
            self.config,
            self.tokenizer,
            self.step,
            self._snapshot.state,
            self._tokens(text),
        )
        return explain(passed, address)

    def _forward(self, text: str) -> Mapping[str, Array]:
        return self._engine.forward(self._tokens(text))

    def _tokens(self, text: str) -> Sequence[int]:
        if len(text) > self.config.block_size:
            raise ConfigError(
                f"the text has {len(text)} characters, but the model sees {self.config.block_size}",
                "shorten it",
            )
        return self.tokenizer.encode_document(text)[: self.config.block_size + 1]

    def __repr__(self) -> str:
        size = count(self.config, self.tokenizer.vocab_size)
        return f"Model({size:,} parameters, {self.tokenizer.vocab_size} tokens, step {self.step:,})"


def load(directory: str | Path) -> Model:
    """Return the model kept in `directory`; its training data is not needed.

    Raises `CheckpointError` where there is none, or it is damaged.
    """
    return Model(load_checkpoint(directory))
