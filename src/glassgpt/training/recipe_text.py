"""Interventions as text, for links and checkpoints.

250:learning_rate=0.02   live settings (and num_steps) from step 250 on
300:wte[3,5]=1.5         one weight, set once
400:head0.2              a head (layer 0, number 2) set to zero once; `neuron0.17`, `position`
400:head0.2!             the same, and again after every update, until
500:~head0.2             it is released
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from glassgpt.errors import ConfigError
from glassgpt.model.config import Config, Scalar, settings
from glassgpt.training.interventions import (
    MAX_INTERVENTIONS,
    TUNED,
    Ablate,
    Change,
    Edit,
    Intervention,
    Interventions,
    Part,
    StopAblating,
    Tune,
)


def write(interventions: Iterable[Intervention]) -> str:
    """Return the interventions as text."""
    return ";".join(f"{done.step}:{done.change.text()}" for done in interventions)


def read(text: str) -> Interventions:
    """Return the interventions that `write` wrote; raise `ConfigError` for anything else."""
    if not text:
        return ()
    pieces = text.split(";", MAX_INTERVENTIONS)  # `check` refuses one above the limit
    return tuple(_read_one(piece) for piece in pieces)


def _read_one(text: str) -> Intervention:
    step, colon, change = text.partition(":")
    if not colon or not re.fullmatch(r"[0-9]{1,10}", step):
        raise _unreadable(text)
    return Intervention(int(step), _read_change(change, text))


_EDIT = re.compile(r"([\w.]{1,40})\[(\d{1,6}),(\d{1,6})\]=(\S{1,32})", re.ASCII)
_PART = re.compile(r"(~?)(?:(head|neuron)(\d{1,4})\.(\d{1,6})|(position))(!?)", re.ASCII)


def _read_change(text: str, whole: str) -> Change:
    if edit := _EDIT.fullmatch(text):
        param, row, column, value = edit.groups()
        return Edit(param, int(row), int(column), _number(float, value, whole))
    if part := _PART.fullmatch(text):
        free, kind, layer, number, position, hold = part.groups()
        name: Part = "position" if position else "head" if kind == "head" else "neuron"
        where = (name, int(layer or 0), int(number or 0))
        if free and hold:
            raise _unreadable(whole)
        return StopAblating(*where) if free else Ablate(*where, bool(hold))
    return Tune(tuple(_read_setting(pair, whole) for pair in text.split(",")))


def _read_setting(pair: str, whole: str) -> tuple[str, Scalar]:
    name, equals, value = pair.partition("=")
    if not equals or name not in TUNED:
        raise _unreadable(whole)
    default = next(s.default for s in settings(Config) if s.name == name)
    return name, _number(int if isinstance(default, int) else float, value, whole)


def _number(kind: type[int] | type[float], text: str, whole: str) -> float:
    try:
        return kind(text)
    except ValueError:
        raise _unreadable(whole) from None


def _unreadable(text: str) -> ConfigError:
    return ConfigError(
        f"the link has do=…{text[:60]!r}…, which is not a change to a run",
        "for instance do=250:learning_rate=0.02;300:wte[3,5]=1.5;400:head0.2!",
    )
