"""Interventions: changes to a run between two of its steps, as values.

Ablating a part (`Ablate`) means setting its weights to zero: `block` names these cells. An edit
changes weights only; Adam's moments stay as they are and continue to decay as usual.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Literal, TypeAlias, get_args

from glassgpt.errors import ConfigError
from glassgpt.model.config import Config, Scalar, settings
from glassgpt.model.parameters import Block, shapes

MAX_INTERVENTIONS = 64  # of one run
MAX_WEIGHT = 1e6  # largest magnitude of a weight that is set
TUNED = tuple(s.name for s in settings(Config) if s.live or s.name == "num_steps")

Part: TypeAlias = Literal["head", "neuron", "position"]
PARTS: tuple[Part, ...] = get_args(Part)


@dataclass(frozen=True, slots=True)
class Tune:
    """Change live settings, or num_steps, over which the learning rate then decays."""

    changes: tuple[tuple[str, Scalar], ...]

    def config(self, config: Config, step: int) -> Config:
        """Return the settings after the change; raise `ConfigError` if they are not valid."""
        for name, _ in self.changes:
            if name not in TUNED:
                raise ConfigError(f"{name} cannot change during a run", "begin a new run for it")
        return extended(config, step, **dict(self.changes))

    def words(self) -> str:
        """Return the change in words."""
        return ", ".join(f"{name} set to {value:g}" for name, value in self.changes)

    def text(self) -> str:
        """Return the change as a link writes it."""
        return ",".join(f"{name}={value!r}" for name, value in self.changes)


@dataclass(frozen=True, slots=True)
class Edit:
    """Set one weight."""

    param: str
    row: int
    column: int
    value: float

    def block(self, _config: Config) -> Block:
        """Return the cell."""
        return Block(self.param, self.row, self.row + 1, self.column, self.column + 1)

    def words(self) -> str:
        """Return the change in words."""
        return f"{self.param}[{self.row},{self.column}] set to {self.value:g}"

    def text(self) -> str:
        """Return the change as a link writes it."""
        return f"{self.param}[{self.row},{self.column}]={self.value!r}"


@dataclass(frozen=True, slots=True)
class Ablate:
    """Ablate a part: set its weights to zero, with `hold` again after every update."""

    part: Part
    layer: int = 0
    number: int = 0
    hold: bool = False

    @property
    def name(self) -> str:
        """The name of the part in a link."""
        return self.part if self.part == "position" else f"{self.part}{self.layer}.{self.number}"

    def block(self, config: Config) -> Block:
        """Return the cells: the columns that take a head or a neuron as input, or all of wpe."""
        C, D = config.n_embd, config.head_dim
        match self.part:
            case "head":
                left = D * self.number
                return Block(f"layer{self.layer}.attn_wo", 0, C, left, left + D)
            case "neuron":
                return Block(f"layer{self.layer}.mlp_fc2", 0, C, self.number, self.number + 1)
            case _:
                return Block("wpe", 0, config.block_size, 0, C)

    def words(self) -> str:
        """Return the change in words."""
        ending = " and held there" if self.hold else ""
        return f"{_spoken(self.part, self.layer, self.number)} set to zero{ending}"

    def text(self) -> str:
        """Return the change as a link writes it."""
        return self.name + "!" * self.hold


@dataclass(frozen=True, slots=True)
class StopAblating:
    """Stop holding a part at zero: its weights stay zero until training changes them."""

    part: Part
    layer: int = 0
    number: int = 0

    def words(self) -> str:
        """Return the change in words."""
        return f"{_spoken(self.part, self.layer, self.number)} free to learn again"

    def text(self) -> str:
        """Return the change as a link writes it."""
        return f"~{Ablate(self.part, self.layer, self.number).name}"


def _spoken(part: Part, layer: int, number: int) -> str:
    return "the position embedding" if part == "position" else f"{part} {number} of layer {layer}"


Change: TypeAlias = Tune | Edit | Ablate | StopAblating


@dataclass(frozen=True, slots=True)
class Intervention:
    """A change, made after `step` updates."""

    step: int
    change: Change


Interventions: TypeAlias = tuple[Intervention, ...]  # in order of their steps


def same_run(old: Config, new: Config) -> Config:
    """Return `new`; raise `ConfigError` if it would need another model or initial state."""
    for name in ("n_layer", "n_embd", "n_head", "block_size", "init_std", "seed"):
        before, after = getattr(old, name), getattr(new, name)
        if before != after:
            raise ConfigError(
                f"{name} is {before!r} in this run and cannot become {after!r}",
                f"start a new run for another {name}",
            )
    return new


def extended(config: Config, step: int, **changes: Scalar) -> Config:
    """Return `config` with live settings changed and perhaps more (or fewer) steps, from `step` on.

    The rate follows the same linear decay over the new total, learning_rate · (1 − s / num_steps),
    so more steps raise the rate of later steps; earlier steps do not change. Raises `ConfigError`
    if the new total is below `step`.
    """
    new = same_run(config, replace(config, **changes))  # type: ignore[arg-type]
    if new.num_steps < step:
        raise ConfigError(
            f"the run has already taken {step} steps, so it cannot end after {new.num_steps}",
            f"give --steps {step} or more",
        )
    return new


def config_at(
    config: Config, interventions: Iterable[Intervention], step: float = math.inf
) -> Config:
    """Return the settings at `step` (by default at the end) of a run of `config`."""
    for done in interventions:
        if isinstance(done.change, Tune) and done.step <= step:
            config = done.change.config(config, done.step)
    return config


def ablated(interventions: Iterable[Intervention]) -> tuple[Ablate, ...]:
    """Return the parts that these interventions leave held at zero."""
    holding: dict[str, Ablate] = {}
    for done in interventions:
        match done.change:
            case Ablate(hold=True) as ablation:
                holding[ablation.name] = ablation
            case StopAblating(part, layer, number):
                holding.pop(Ablate(part, layer, number).name, None)
            case _:
                pass
    return tuple(holding.values())


# -- checks


def check(interventions: Interventions, config: Config, vocab_size: int) -> None:
    """Raise `ConfigError` unless all interventions are valid for a run of `config`."""
    for i, done in enumerate(interventions):
        config = check_next(done, interventions[:i], config, vocab_size)


def check_next(
    done: Intervention, before: Interventions, config: Config, vocab_size: int
) -> Config:
    """Return the settings after one change, given the current `config` and the changes `before`.

    Raises `ConfigError` if the change is not valid.
    """
    if len(before) >= MAX_INTERVENTIONS:
        raise ConfigError(
            f"this run has {len(before)} changes, which is the limit",
            "undo some, or begin a new run",
        )
    first = before[-1].step if before else 0
    if not first <= done.step <= config.num_steps:
        raise ConfigError(
            f"a change at step {done.step} cannot follow one at step {first} in a run of "
            f"{config.num_steps} steps",
            "list changes in the order of their steps",
        )
    match done.change:
        case Tune() as tune:
            return tune.config(config, done.step)
        case Edit() as edit:
            _check_edit(edit, shapes(config, vocab_size))
        case Ablate(part, layer, number):
            _check_part(config, part, layer, number)
        case StopAblating(part, layer, number):
            name = Ablate(part, layer, number).name
            if name not in {ablation.name for ablation in ablated(before)}:
                raise ConfigError(f"{name} is not held at zero", "there is nothing to release")
        case other:
            raise ConfigError(
                f"{other!r} is not a change to a run", "give a Tune, Edit, Ablate or StopAblating"
            )
    return config


def _check_edit(edit: Edit, table: dict[str, tuple[int, int]]) -> None:
    if edit.param not in table:
        raise ConfigError(
            f"there is no parameter {edit.param!r}", f"choose one of: {', '.join(table)}"
        )
    rows, columns = table[edit.param]
    if not (0 <= edit.row < rows and 0 <= edit.column < columns):
        raise ConfigError(
            f"there is no {edit.param}[{edit.row},{edit.column}]",
            f"{edit.param} has {rows} rows and {columns} columns, counted from 0",
        )
    if not abs(edit.value) <= MAX_WEIGHT:  # NaN fails here too
        raise ConfigError(
            f"{edit.param}[{edit.row},{edit.column}] cannot be {edit.value!r}",
            f"a weight may be set to −{MAX_WEIGHT:,.0f} … {MAX_WEIGHT:,.0f}",
        )


def _check_part(config: Config, part: Part, layer: int, number: int) -> None:
    if part == "position":
        return
    if not isinstance(layer, int) or not isinstance(number, int):
        raise ConfigError(
            f"there is no {part} {number!r} in layer {layer!r}",
            "give whole numbers from 0",
        )
    if not 0 <= layer < config.n_layer:
        raise ConfigError(f"there is no layer {layer}", f"choose 0 to {config.n_layer - 1}")
    count = config.n_head if part == "head" else config.n_hidden
    if not 0 <= number < count:
        raise ConfigError(
            f"there is no {part} {number} in layer {layer}", f"choose 0 to {count - 1}"
        )
