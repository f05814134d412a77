"""A training run for notebooks: train, read the losses, fork, ablate, take the model."""

from __future__ import annotations

import html
from collections.abc import Iterable, Mapping, Sequence, Set
from numbers import Integral
from pathlib import Path
from typing import TYPE_CHECKING, Any

from glassgpt.analysis.curve import SMOOTHED_OVER, as_svg
from glassgpt.analysis.model import Model
from glassgpt.data.documents import BUILTIN, builtin_names, read_documents
from glassgpt.errors import ConfigError, DataError
from glassgpt.model.config import Config, Scalar, settings
from glassgpt.model.read_only import read_only
from glassgpt.training.checkpoint import save_checkpoint
from glassgpt.training.history import History
from glassgpt.training.interventions import Ablate, Change, Intervention, Tune
from glassgpt.training.link import Experiment, carried, write_link
from glassgpt.training.recipe import Recipe
from glassgpt.training.session import Session

if TYPE_CHECKING:
    from matplotlib.axes import Axes

SAMPLES_SHOWN = 5


@read_only("fork and ablate return a changed run")
class Run:
    """A run on some documents, with its history. `train` begins one."""

    def __init__(self, history: History, documents: Sequence[str]) -> None:
        self._history = history
        self._documents = documents  # in file order

    # -- its state

    @property
    def recipe(self) -> Recipe:
        """Everything that determines the run: settings at step 0, documents, changes."""
        return self._history.recipe

    @property
    def config(self) -> Config:
        """The current settings."""
        return self._history.session.config

    @property
    def step(self) -> int:
        """The number of updates taken."""
        return self._history.session.step

    @property
    def documents(self) -> tuple[str, ...]:
        """The documents in file order."""
        return tuple(self._documents)

    @property
    def losses(self) -> list[float]:
        """The loss of each step so far, before its update, in nats."""
        return list(self._history.losses[: self.step])

    @property
    def model(self) -> Model:
        """The current model of the run; later steps do not change it."""
        return Model(self._history.session.snapshot())

    def link(self) -> str:
        """Return the link of this run at this step, for the page's address, beginning with `#`."""
        documents = carried(self._documents)
        return "#" + write_link(Experiment(self.recipe, step=self.step, documents=documents))

    # -- training and forks

    def train(self, steps: int | None = None) -> Run:
        """Take `steps` steps, or all that are left; return the run.

        Raises `DivergenceError` at a step that would give a number that is not finite; the steps
        before it are taken.
        """
        left = self._history.session.steps_left
        steps = left if steps is None else _whole(steps, "steps")
        if not 0 <= steps <= left:
            raise ConfigError(
                f"{steps:,} steps were asked for, but {left:,} are left",
                "give at least 0"
                if steps < 0
                else f"fork(steps={self.step + steps}) trains longer",
            )
        self._history.advance(steps)
        return self

    def fork(self, step: int | None = None, **changes: Scalar) -> Run:
        """Return a new run that continues this one from `step` (default: the current step).

        `changes` are settings from there on: learning_rate, beta1, beta2, eps, num_steps.
        """
        tune = [Tune(tuple(_fields(changes).items()))]
        return self._changed(step, tune if changes else [])

    def ablate(
        self,
        *,
        head: tuple[int, int] | None = None,
        neuron: tuple[int, int] | None = None,
        position: bool = False,
        step: int | None = None,
        hold: bool = True,
    ) -> Run:
        """Return a new run in which a part is ablated at `step` (default: the current step).

        Its weights are set to zero. `head` and `neuron` are (layer, number); `position` is the
        whole position embedding. With `hold` they are set to zero again after every update.
        """
        hold, position = _truth(hold, "hold"), _truth(position, "position")
        parts: list[Change] = []
        if head is not None:
            parts.append(Ablate("head", *_place(head, "head"), hold))
        if neuron is not None:
            parts.append(Ablate("neuron", *_place(neuron, "neuron"), hold))
        if position:
            parts.append(Ablate("position", hold=hold))
        if not parts:
            raise ConfigError("no part was named", "for instance head=(0, 2), of layer 0")
        return self._changed(step, parts)

    def save(self, directory: str | Path) -> Path:
        """Save it in `directory`, for `load`, `glassgpt train --resume` and `glassgpt open`."""
        return save_checkpoint(self._history.session.snapshot(), directory)

    def _changed(self, step: int | None, changes: Sequence[Change]) -> Run:
        before = self._history.at(self.step if step is None else _whole(step, "step"))
        done = tuple(Intervention(before.step, change) for change in changes)
        return Run(self._history.forked(before, done), self._documents)

    # -- pictures

    def plot(self, **others: Run) -> Axes:
        """Return a picture of its smoothed loss, and that of others by name, as matplotlib's axes.

        Raises `ConfigError` if no step has been taken or matplotlib is missing.
        """
        from glassgpt.analysis.plot import curves

        for name, other in others.items():
            if not isinstance(other, Run):
                raise ConfigError(f"{name} is {other!r}, but must be a run", "fork returns one")
        runs = [("this run", self), *others.items()]
        return curves([(name, run.losses) for name, run in runs])

    def __repr__(self) -> str:
        last = self.losses[-SMOOTHED_OVER:]
        loss = f", smoothed loss {sum(last) / len(last):.3f}" if last else ""
        return (
            f"Run(step {self.step:,} of {self.config.num_steps:,}{loss}, {self.recipe.data_name})"
        )

    def _repr_html_(self) -> str:
        """Return its loss curve and some samples, for a notebook."""
        texts = self.model.sample(SAMPLES_SHOWN) if self.step else []
        items = "".join(f"<li>{html.escape(text)}</li>" for text in texts)
        samples = f'<div>samples</div><ul style="margin:0">{items}</ul>' if texts else ""
        return f"<div>{html.escape(repr(self))}</div>{as_svg(self.losses)}{samples}"


def train(
    documents: Iterable[str] | str | Path | None = None, *, engine: str = "", **values: Any
) -> Run:
    """Train a GPT on documents, a file of them, or the built-in names; return the run at its end.

    `values` are settings of `Config`, for instance `steps=200` or `n_embd=32`. Raises
    `ConfigError`, `DataError` or `DivergenceError`.
    """
    config = Config(**_fields(values))
    if documents is None:
        texts, name = builtin_names(), BUILTIN
    elif isinstance(documents, str | Path):
        texts, name = read_documents(documents), Path(documents).name
    elif isinstance(documents, Iterable) and not isinstance(documents, _UNORDERED):
        texts, name = list(documents), "documents"
    else:
        raise DataError(
            f"documents are {documents!r}, but must be texts or the path of a file",
            'for instance ["anna", "otto"] or "names.txt"',
        )
    session = Session(config, texts, engine=engine, data_name=name)
    return Run(History(session), texts).train()


_UNORDERED = (bytes, Mapping, Set)  # or not texts


def _fields(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return settings by field name; a name may be that of the field or of its option."""
    known = {known: one.name for one in settings(Config) for known in (one.option, one.name)}
    fields: dict[str, Any] = {}
    for name, value in values.items():
        if name not in known:
            raise ConfigError(f"there is no setting {name!r}", f"choose one of: {', '.join(known)}")
        if known[name] in fields:
            raise ConfigError(f"{name} is given twice: it is {known[name]}", "leave one out")
        fields[known[name]] = value
    return fields


# -- checks of arguments


def _whole(value: object, name: str) -> int:
    if not isinstance(value, Integral) or isinstance(value, bool):
        raise ConfigError(f"{name} is {value!r}, but must be a whole number", "count from 0")
    return int(value)


def _truth(value: object, name: str) -> bool:
    if not isinstance(value, bool):
        raise ConfigError(f"{name} is {value!r}, but must be True or False", "leave it out")
    return value


def _place(value: object, part: str) -> tuple[int, int]:
    if not isinstance(value, tuple | list) or len(value) != 2:
        raise ConfigError(
            f"{part} is {value!r}, but must be (layer, number)", f"for instance {part}=(0, 2)"
        )
    return _whole(value[0], f"the layer of a {part}"), _whole(value[1], f"the number of a {part}")
