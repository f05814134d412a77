"""A GPT with fixed weights: samples, losses, activations and explanations."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from glassgpt.analysis.named_array import NamedArray, activations, parameters
from glassgpt.arrays import Array, numbers
from glassgpt.engines import Engine, create, default_engine
from glassgpt.errors import ConfigError, counted
from glassgpt.model.activations import sites
from glassgpt.model.config import Config, Sampling
from glassgpt.model.parameters import count
from glassgpt.model.read_only import read_only
from glassgpt.model.sampling import check_draw_seed, check_room, probabilities
from glassgpt.model.tokenizer import Tokenizer
from glassgpt.training.checkpoint import load_checkpoint
from glassgpt.training.samples import draw_samples, text_of
from glassgpt.training.snapshot import Snapshot

TEMPERATURE = Sampling().temperature
if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from glassgpt.analysis.explain import Explanation

END = "BOS"  # the name of the token that ends a text; all others are single characters


@read_only("a model cannot change; fork or ablate its run to get another")
class Model:
    """The model of a run after some steps. It does not change when the run is trained further.

    Samples without a seed come from the run's own random stream, which advances with every call.
    """

    def __init__(self, snapshot: Snapshot) -> None:
        if not isinstance(snapshot, Snapshot):
            raise ConfigError(
                f"a model needs a Snapshot, not {snapshot!r}",
                "glassgpt.load(directory) and run.model return one",
            )
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
    def parameters(self) -> Mapping[str, NamedArray]:
        """Every weight matrix (outputs, inputs) by name."""
        return parameters(self._snapshot.state.params)

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
        """Return an iterator over the texts of `sample`, each drawn on demand.

        Raises `ConfigError` or `TokenizeError` at once if an argument is not valid.
        """
        sampling = Sampling(temperature, n, prefix)
        check_room(self.tokenizer.encode(prefix), self.config.block_size)
        seed = check_draw_seed(seed)
        rng = self._rng if seed is None else random.Random(seed)
        engine = self._loaded()  # one per stream: two streams may take turns
        draws = draw_samples(engine, self.tokenizer, self.config, sampling, rng)
        return (text_of(list(drawn), self.tokenizer, prefix) for drawn in draws)

    def next_probabilities(self, prefix: str = "", temperature: float = 1.0) -> dict[str, float]:
        """Return the probability of each next token after `prefix`, the most likely first.

        The key `"BOS"` is the end of the text. Raises `ConfigError` or `TokenizeError`.
        """
        sampling = Sampling(temperature, prefix=prefix)
        ids = self.tokenizer.encode(prefix)
        check_room(ids, self.config.block_size)
        logits = numbers(self._engine.logits([self.tokenizer.bos, *ids]))
        names = [*self.tokenizer.characters, END]
        pairs = zip(names, probabilities(logits, sampling.temperature), strict=True)
        return dict(sorted(pairs, key=lambda pair: -pair[1]))

    # -- measuring and looking inside

    def loss(self, text: str) -> float:
        """Return the mean −log p of the tokens of `text` and of its end, in nats.

        The text may be empty: then its only token is its end. Raises `TokenizeError` for a
        character that is not in the vocabulary, `ConfigError` for a text longer than the context.
        """
        return float(self._forward(text)["loss"][()])

    def activations(self, text: str) -> Mapping[str, NamedArray]:
        """Return every named array that the model computes for `text`, in computation order.

        Raises what `loss` raises.
        """
        return activations(self.config, self._forward(text))

    def explain(self, address: str, text: str) -> Explanation:
        """Return the explanation of one number of the model for `text`.

        `address` is for instance `layer0.attn.q[3,7]`, `grad:wte[4,3]` or `loss`. Raises
        `AddressError` if the model has no such number.
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

    def plot(self, site: str, text: str | None = None) -> Axes:
        """Return a picture of a named array while the model reads `text`, as matplotlib's axes.

        Without a text the array is a parameter. Raises `AddressError` if there is no such array,
        `ConfigError` if it is a single number or matplotlib is missing.
        """
        from glassgpt.analysis.plot import picture

        known = {one.name: one for one in sites(self.config)}
        if text is None and site in known:
            raise ConfigError(f"{site} is computed for a text", f'plot("{site}", "emma")')
        array = self.parameters[site] if text is None else self.activations(text)[site]
        letters = {"V": [*map(shown, self.tokenizer.characters), END]}
        if text is not None:
            letters["T"] = letters["S"] = [END, *map(shown, text)]
        reads = "" if text is None else f" for {text!r}"
        title = f"{site}{reads}, step {self.step:,}"
        return picture(array, known.get(site), letters, title)

    def _forward(self, text: str) -> Mapping[str, Array]:
        return self._engine.forward(self._tokens(text))

    def _tokens(self, text: str) -> Sequence[int]:
        if not isinstance(text, str):
            raise ConfigError(f"the text is {text!r}, but must be a string", 'for instance "emma"')
        if len(text) > self.config.block_size:
            raise ConfigError(
                f"the text has {counted(len(text), 'character')}, but the model sees "
                f"{self.config.block_size}",
                "shorten it, or train with a larger block_size",
            )
        return self.tokenizer.encode_document(text)[: self.config.block_size + 1]

    def __repr__(self) -> str:
        size = count(self.config, self.tokenizer.vocab_size)
        return f"Model({size:,} parameters, {self.tokenizer.vocab_size} tokens, step {self.step:,})"


def shown(character: str) -> str:
    """Return a visible sign for a character in a picture: a space would be invisible."""
    return "␣" if character == " " else repr(character)[1:-1]


def load(directory: str | Path) -> Model:
    """Return the model saved in `directory`; its training data is not needed.

    Raises `CheckpointError` if there is none, or it is damaged.
    """
    return Model(load_checkpoint(directory))
