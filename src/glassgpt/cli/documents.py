"""The documents of a command: the built-in names, the lines of a file, or a text split by --cut."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import click

from glassgpt.data.documents import (
    BUILTIN,
    builtin_names,
    decoded,
    fingerprint,
    read_octets,
    split_documents,
)
from glassgpt.data.segmentation import WAYS, cut
from glassgpt.errors import CheckpointError, DataError
from glassgpt.training.recipe import Recipe

Command = TypeVar("Command", bound=Callable[..., Any])


@dataclass(frozen=True, slots=True)
class Data:
    """Documents in file order, the name of their file, and the segmentation of its text.

    `cut` is one of `segmentation.WAYS`, or empty for one document a line.
    """

    documents: list[str]
    name: str
    cut: str = ""


def cut_option(command: Command) -> Command:
    """Add the option --cut."""
    option = click.option(
        "--cut",
        "way",
        type=click.Choice(WAYS),
        help="Split the text into these documents.  [default: one document a line]",
    )
    return option(command)


def read_data(source: str | None, way: str | None = None) -> Data:
    """Return the documents of DATA, `-` for standard input, or the built-in ones."""
    if source is None:
        if way:
            raise DataError("--cut needs a text to cut", "name a file, or leave --cut out")
        return Data(builtin_names(), BUILTIN)
    octets, name = _octets(source)
    return Data(_documents(octets, name, way or ""), _short(source), way or "")


def data_of(recipe: Recipe, source: str | None, way: str | None = None) -> Data:
    """Return the documents that a run was trained on: the built-in names, or `source`.

    They are split as for that run. Raises `CheckpointError` if they are not the same.
    """
    if source is None:
        if recipe.data_name != BUILTIN:
            raise CheckpointError(
                f"the run was trained on {recipe.data_name!r}, whose text is not here",
                "name that file as well: DATA of train, --data of other commands",
            )
        return read_data(None, way)
    octets, name = _octets(source)
    # what a page saved as documents is cut already: its lines are the documents
    for each in (way,) if way else dict.fromkeys((recipe.cut, "")):
        documents = _documents(octets, name, each)
        if fingerprint(documents) == recipe.data_sha256:
            return Data(documents, recipe.data_name, recipe.cut)
    raise _others(recipe, source, way, fingerprint(documents))


def _others(recipe: Recipe, source: str, way: str | None, sha256: str) -> CheckpointError:
    then = f" cut into {recipe.cut}" if recipe.cut else ""
    now = f" cut into {way}" if way else ""
    return CheckpointError(
        f"the run was trained on {recipe.data_name!r}{then}, not on {_short(source)!r}{now} "
        f"(SHA-256 {recipe.data_sha256[:12]}…, not {sha256[:12]}…)",
        "leave the data out: the model learned from the built-in names"
        if recipe.data_name == BUILTIN
        else "give the file as it was then"
        + (", without --cut" if way and way != recipe.cut else ""),
    )


def _octets(source: str) -> tuple[bytes, str]:
    if re.match(r"[A-Za-z][A-Za-z0-9+.-]+://", source) and not os.path.exists(source):  # noqa: PTH110 - Path makes one slash of two
        raise DataError(
            f"{source!r} is an address, and DATA must be a file on this machine",
            "download it first, for instance with curl -O",
        )
    return read_octets(source)


def _documents(octets: bytes, name: str, way: str) -> list[str]:
    return cut(decoded(octets, name), way) if way else split_documents(octets, name)


def _short(source: str) -> str:
    return "-" if source == "-" else Path(source).name
