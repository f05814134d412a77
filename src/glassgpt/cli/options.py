"""Options made from the settings of `config.py`, and what the commands share about data."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from glassgpt.cli.terminal import say
from glassgpt.config import Config, Sampling, Setting, settings
from glassgpt.data import BUILTIN, builtin_names, read_documents
from glassgpt.engines import ENGINES, default_engine
from glassgpt.errors import CheckpointError
from glassgpt.snapshot import Snapshot

Command = TypeVar("Command", bound=Callable[..., Any])


def setting_options(owner: type[Config] | type[Sampling]) -> Callable[[Command], Command]:
    """Return a decorator that adds an option for each setting of `owner`, in its order."""

    def decorate(command: Command) -> Command:
        for setting in reversed(settings(owner)):
            command = _option(setting)(command)
        return command

    return decorate


def _option(setting: Setting) -> Callable[[Command], Command]:
    names = [f"--{setting.option.replace('_', '-')}", setting.name]
    if setting.name == "num_samples":
        names.insert(0, "-n")
    return click.option(
        *names,
        type=type(setting.default),
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
    """Return the engine that the user named, or the one `wanted`; say so if it is not to be had."""
    if engine:
        return engine
    name, why_not = default_engine(wanted)
    if why_not:
        say(f"note: {why_not}", err=True)
    return name


def documents_from(source: str | None) -> tuple[list[str], str]:
    """Return the documents of DATA, or the built-in ones, and what to call them."""
    if source is None:
        return builtin_names(), BUILTIN
    return read_documents(source), "-" if source == "-" else Path(source).name


def documents_of(snapshot: Snapshot, source: str | None) -> list[str]:
    """Return the documents a checkpoint was trained on: the built-in ones, or `source`."""
    if source is None and snapshot.data_name != BUILTIN:
        raise CheckpointError(
            f"the checkpoint was trained on {snapshot.data_name!r}, which it does not hold",
            f"name that file as well: {snapshot.data_name} for train, --data for other commands",
        )
    return documents_from(source)[0]
