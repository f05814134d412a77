"""A training run: step, rewind, sample. No clock, no thread, no input or output.

A run has one random stream, used in this order: the shuffle of the documents, the initial weights,
the samples. Training itself uses no random numbers.
"""

from __future__ import annotations

import copy
import random
from collections.abc import Iterator, Sequence

from glassgpt.arrays import shape, zeros
from glassgpt.data import documents as data
from glassgpt.engines import Engine, create, default_engine
from glassgpt.errors import CheckpointError, ConfigError, DivergenceError
from glassgpt.model import parameters as params
from glassgpt.model.config import Config, Sampling
from glassgpt.model.read_only import read_only
from glassgpt.model.state import State
from glassgpt.model.tokenizer import Tokenizer, TokenLists
from glassgpt.training.arguments import check_types
from glassgpt.training.interventions import (
    Ablate,
    Change,
    Edit,
    Intervention,
    ablated,
    check_next,
    same_run,
)
from glassgpt.training.recipe import Recipe
from glassgpt.training.records import StepRecords
from glassgpt.training.samples import draw_samples, text_of
from glassgpt.training.snapshot import Snapshot


@read_only("run takes steps, apply(Tune(...)) changes settings, restore goes to another state")
class Session:
    """A run of `config` on `documents`, computed by `engine` (default: the fastest available).

    `recipe` identifies the run, with the changes made so far (see `apply`); `config` are the
    current settings. `data_name` and `cut` (the segmentation of the text, one of
    `segmentation.WAYS`) become part of the recipe.
    Raises `ConfigError`, `DataError` or `EngineError` if the arguments are not valid.
    """

    def __init__(
        self,
        config: Config,
        documents: Sequence[str],
        *,
        engine: str = "",
        data_name: str = "documents",
        cut: str = "",
    ) -> None:
        check_types(config, documents, data_name)
        self._tokenizer = Tokenizer.of(documents)
        params.count(config, self.tokenizer.vocab_size)
        self._recipe = Recipe(config, data_name, data.fingerprint(documents), cut)
        self._config = config
        self._engine = create(engine or default_engine()[0], config, self.tokenizer.vocab_size)
        self._rng = random.Random(config.seed)
        self._documents = list(documents)
        self.rng.shuffle(self.documents)
        self._encoded = self.token_lists([])
        self._step = 0
        first = params.initial(config, self.tokenizer.vocab_size, self.rng)
        still = {name: zeros(shape(weight)) for name, weight in first.items()}
        self.engine.load(State(first, still, still))

    @classmethod
    def resumed(cls, snapshot: Snapshot, documents: Sequence[str], *, engine: str = "") -> Session:
        """Return the run of `snapshot` at its step, on the same `documents` in file order.

        Raises `CheckpointError` if they are not the same documents. The engine may differ from the
        snapshot's; the numbers then agree within rounding.
        """
        session = cls(
            snapshot.config,
            documents,
            engine=engine or default_engine(snapshot.engine)[0],
            data_name=snapshot.recipe.data_name,
            cut=snapshot.recipe.cut,
        )
        session.restore(snapshot)
        return session

    def sibling(self, snapshot: Snapshot) -> Session:
        """Return a run at `snapshot` on the same documents, with its own engine."""
        other = copy.copy(self)  # documents, tokenizer and tokens do not change, so they are shared
        other._engine = create(self.engine.name, self.config, self.tokenizer.vocab_size)
        other._rng = random.Random()
        other.restore(snapshot)
        return other

    def __repr__(self) -> str:
        where = f"step {self.step:,} of {self.config.num_steps:,}"
        return f"Session({where}, {self.recipe.data_name}, by the {self.engine.name} engine)"

    # -- its state

    @property
    def recipe(self) -> Recipe:
        """The recipe of the run, with the changes made so far."""
        return self._recipe

    @property
    def config(self) -> Config:
        """The current settings; `apply` a `Tune` to change them."""
        return self._config

    @property
    def tokenizer(self) -> Tokenizer:
        """Its vocabulary."""
        return self._tokenizer

    @property
    def engine(self) -> Engine:
        """The engine that computes the run."""
        return self._engine

    @property
    def rng(self) -> random.Random:
        """The random stream of the run's samples."""
        return self._rng

    @property
    def documents(self) -> list[str]:
        """The documents in the order of training."""
        return self._documents

    @property
    def step(self) -> int:
        """The number of updates taken."""
        return self._step

    # -- training

    @property
    def steps_left(self) -> int:
        """Steps until the learning rate has decayed to 0."""
        return self.config.num_steps - self.step

    def document(self, step: int) -> str:
        """Return the training document of the update after `step` updates."""
        return self.documents[step % len(self.documents)]

    def tokens(self, document: str) -> list[int]:
        """Return BOS + ids + BOS, clipped to the context."""
        return self.tokenizer.encode_document(document)[: self.config.block_size + 1]

    def run(self, steps: int | None = None) -> StepRecords:
        """Take `steps` steps, or all that are left; return their records.

        Raises `DivergenceError` at a step that would give a number that is not finite. The steps
        before it are taken, and their losses are in the error.
        """
        steps = self.steps_left if steps is None else steps
        if type(steps) is not int or not 0 <= steps <= self.steps_left:
            raise ConfigError(
                f"{steps!r} steps were asked for, but {self.steps_left} are left",
                "past num_steps the learning rate is 0; extend the run with more num_steps",
            )
        start = self.step
        try:
            losses = self._losses(start, steps)
        except BaseException as error:  # Ctrl-C in a notebook too: the run stays consistent
            self._step += len(getattr(error, "losses", ()))
            self._hold()
            if isinstance(error, DivergenceError):
                raise error.at(self.step + 1, self.document(self.step)) from None
            raise
        self._step += steps
        return self.records(start, losses)

    def _losses(self, start: int, steps: int) -> list[float]:
        """Take the steps with the engine, one by one if a part is held at zero."""
        lessons = self._lessons(start + steps)
        if not ablated(self.recipe.interventions):
            return self.engine.run(lessons, self.config, start, steps)
        losses: list[float] = []
        try:
            for step in range(start, start + steps):
                losses += self.engine.run(lessons, self.config, step, 1)
                self._hold()
        except BaseException as error:
            error.losses = losses  # type: ignore[attr-defined]
            raise
        return losses

    def records(self, start: int, losses: Sequence[float]) -> StepRecords:
        """Return the records of the steps after `start` updates, given their losses."""
        return StepRecords(self.documents, self.config, start, losses)

    def token_lists(self, documents: Sequence[str]) -> TokenLists:
        """Return the tokens of the documents, clipped to the context."""
        return self.tokenizer.encode_documents(documents, self.config.block_size)

    def _lessons(self, steps: int) -> TokenLists:
        """Return the tokens of at least the documents of the first `steps` steps."""
        wanted = min(steps, len(self.documents))
        if len(self._encoded) < wanted:
            known = max(wanted, 2 * len(self._encoded))
            self._encoded = self.token_lists(self.documents[:known])
        return self._encoded

    # -- interventions

    def apply(self, change: Change) -> None:
        """Change the run from this step on; raise `ConfigError` if the change is not valid.

        An edit sets weights only: Adam's moments stay. A part that is held at zero is set to zero
        after every update until it is released.
        """
        done = Intervention(self.step, change)
        before, size = self.recipe.interventions, self.tokenizer.vocab_size
        self._config = check_next(done, before, self.config, size)
        match change:
            case Edit():
                self.engine.fill(change.block(self.config), change.value)
            case Ablate():
                self.engine.fill(change.block(self.config), 0.0)
            case _:  # the others change no number
                pass
        self._recipe = self.recipe.with_more(done)

    def follow(self, recipe: Recipe) -> None:
        """Make the changes of `recipe` at this step; earlier ones must have been made."""
        for done in recipe.interventions[len(self.recipe.interventions) :]:
            if done.step > self.step:
                return
            self.apply(done.change)

    def replay(self, steps: int, recipe: Recipe) -> list[float]:
        """Take `steps` steps with the changes of `recipe`; return their losses."""
        losses: list[float] = []
        end = self.step + steps
        self.follow(recipe)
        while self.step < end:
            stop = min(end, recipe.next_after(self.step))
            losses += self.run(int(stop) - self.step).losses
            self.follow(recipe)
        return losses

    def _hold(self) -> None:
        for ablation in ablated(self.recipe.interventions):
            self.engine.fill(ablation.block(self.config), 0.0)

    # -- snapshots

    def snapshot(self) -> Snapshot:
        """Return a copy of the state of the run."""
        return Snapshot(
            recipe=self.recipe,
            tokenizer=self.tokenizer,
            step=self.step,
            state=self.engine.state().frozen(),
            random_state=self.rng.getstate(),
            engine=self.engine.name,
            instruction_set=self.engine.instruction_set,
        )

    def restore(self, snapshot: Snapshot) -> None:
        """Go to the state of `snapshot`, of this run or one with the same data and sizes."""
        if not isinstance(snapshot, Snapshot):
            raise CheckpointError(
                f"{snapshot!r} is not a Snapshot", "session.snapshot() returns one"
            )
        ours, theirs = self.recipe, snapshot.recipe
        if theirs.data_sha256 != ours.data_sha256:
            raise CheckpointError(
                f"the checkpoint was trained on other documents: {theirs.data_name!r}, SHA-256 "
                f"{theirs.data_sha256[:12]}…, not {ours.data_name!r}, {ours.data_sha256[:12]}…",
                f"give {theirs.data_name!r} as it was then",
            )
        if snapshot.tokenizer != self.tokenizer:
            raise CheckpointError(
                "the checkpoint's vocabulary is not that of its documents, so another run wrote it",
                "use an older copy of it, or train again",
            )
        self._config = same_run(self.config, snapshot.config)
        self.engine.load(snapshot.state)
        self._step = snapshot.step
        self._recipe = theirs
        self.rng.setstate(snapshot.random_state)

    # -- samples

    def sample(self, sampling: Sampling = Sampling()) -> Iterator[str]:  # noqa: B008 - frozen
        """Yield texts drawn from the run's own random stream, which advances with each draw.

        Each text uses the weights at the time it is drawn; `Model(session.snapshot())` fixes them.
        """
        if not isinstance(sampling, Sampling):
            raise ConfigError(f"{sampling!r} is not a Sampling", "give Sampling(num_samples=5)")
        for draws in draw_samples(self.engine, self.tokenizer, self.config, sampling, self.rng):
            yield text_of(list(draws), self.tokenizer, sampling.prefix)
