"""Options generated from the settings of `config.py`, and the choice of the engine."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from glassgpt.cli.terminal import say
from glassgpt.engines import ENGINES, default_engine
from glassgpt.model.config import Config, Sampling, Scalar, Setting, settings

Command = TypeVar("Command", bound=Callable[..., Any])


class Place(click.Path):
    """The path of a file or directory; an empty one, as "$DIR" gives if unset, is an error."""

    def __init__(self) -> None:
        super().__init__(path_type=Path)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Return the path; fail if it is empty."""
        if not str(value):
            self.fail("the path is empty; give the name of a file or directory", param, ctx)
        return super().convert(value, param, ctx)


class Number(click.ParamType):  # type: ignore[type-arg]  # not so in all releases
    """A number of a setting; a decimal comma has its own error."""

    def __init__(self, kind: type[Scalar]) -> None:
        self._kind: Any = click.INT if kind is int else click.FLOAT
        self.name = self._kind.name

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Return the number; if it has a comma, fail with the correct spelling."""
        if isinstance(value, str) and re.fullmatch(r"[+-]?\d+(,\d+)+", value):
            plain = value.replace(",", "" if self._kind is click.INT else ".", 1)
            self.fail(f"{value!r} has a comma; write {plain}", param, ctx)
        try:
            return self._kind.convert(value, param, ctx)
        except click.BadParameter:
            whole = (
                "a whole number, such as 16"
                if self._kind is click.INT
                else "a number, such as 0.01"
            )
            self.fail(f"{value!r} is not {whole}", param, ctx)


def option_of(name: str) -> str:
    """Return the option of the setting of `Config` called `name`."""
    return next(_dashed(setting) for setting in settings(Config) if setting.name == name)


def _dashed(setting: Setting) -> str:
    return f"--{setting.option.replace('_', '-')}"


def setting_options(owner: type[Config] | type[Sampling]) -> Callable[[Command], Command]:
    """Return a decorator that adds an option for each setting of `owner`, in its order."""

    def decorate(command: Command) -> Command:
        for setting in reversed(settings(owner)):
            command = _option(setting)(command)
        return command

    return decorate


def _option(setting: Setting) -> Callable[[Command], Command]:
    names = [_dashed(setting), setting.name]
    kind = type(setting.default)
    if setting.name == "num_samples":
        names.insert(0, "-n")
    return click.option(
        *names,
        type=str if kind is str else Number(kind),
        default=setting.default,
        show_default=setting.default != "",
        help=f"{setting.help[0].upper()}{setting.help[1:]}.",
    )


def given(context: click.Context, owner: type[Config] | type[Sampling]) -> dict[str, Any]:
    """Return the settings of `owner` that the user typed, by name."""
    typed = click.core.ParameterSource.COMMANDLINE
    return {
        setting.name: context.params[setting.name]
        for setting in settings(owner)
        if context.get_parameter_source(setting.name) is typed
    }


def chosen_engine(engine: str | None, wanted: str = ENGINES[0]) -> str:
    """Return `engine` if given, else `wanted`; print a note if `wanted` is not available."""
    if engine:
        return engine
    name, why_not = default_engine(wanted)
    if why_not:
        say(f"note: {why_not}", err=True)
    return name
