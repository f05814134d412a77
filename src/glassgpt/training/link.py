"""Links: an experiment as text for a URL, such as `seed=42&n_embd=32&step=250`.

A link has the seed and every value that differs from its default. A small text of your own is part
of the link; of a larger one it has the fingerprint, and the reader must supply the file. Keys for
the state of the page (selection, switches) are read by the page.
"""

from __future__ import annotations

import base64
import binascii
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import TypeVar
from urllib.parse import parse_qsl, urlencode

from glassgpt.data.documents import BUILTIN
from glassgpt.errors import ConfigError
from glassgpt.model.config import Config, Sampling, Scalar, Setting, settings
from glassgpt.model.sampling import MAX_DRAW_SEED
from glassgpt.training.recipe import Recipe
from glassgpt.training.recipe_text import read, write

MAX_LINK = 8192  # characters; longer addresses break in mail programs and servers
MAX_DATA = 2**20  # bytes that data inside a link may unpack to
MAX_STEP = 10**10 - 1
Value = TypeVar("Value")

_ROOM = 4000  # limit of data in a link, in characters
_MOST_CARRIED = 5000  # documents: more do not fit, even compressed


@dataclass(frozen=True, slots=True)
class Experiment:
    """The content of a link: the run, and what the page shows of it.

    `documents` is the text of data in the link; for other data there is the recipe's fingerprint.
    """

    recipe: Recipe = field(default_factory=Recipe)
    sampling: Sampling = field(default_factory=Sampling)
    sample_seed: int | None = None
    engine: str = ""
    step: int | None = None
    documents: str = ""
    others: dict[str, str] = field(default_factory=dict)


def carried(documents: Sequence[str]) -> str:
    """Return the text of the documents if it may fit into a link, else None."""
    return "\n".join(documents) if len(documents) < _MOST_CARRIED else ""


def write_link(experiment: Experiment) -> str:
    """Return the experiment as `key=value&…`, without a leading `#`."""
    pairs: dict[str, object] = {}
    recipe = experiment.recipe
    for values in (recipe.config, experiment.sampling):
        for setting in settings(type(values)):
            value = getattr(values, setting.name)
            if value != setting.default or setting.name == "seed":  # a link is never empty
                pairs[setting.name] = value
    if experiment.sample_seed is not None:
        pairs["draw"] = experiment.sample_seed
    if experiment.engine:
        pairs["engine"] = experiment.engine
    if recipe.data_name != BUILTIN:
        pairs["data"] = recipe.data_name
        packed = _pack(experiment.documents)
        if packed and len(packed) <= _ROOM:
            pairs["text"] = packed
        else:
            pairs["sha256"] = recipe.data_sha256
            if recipe.cut:
                pairs["cut"] = recipe.cut
    if recipe.interventions:
        pairs["do"] = write(recipe.interventions)
    if experiment.step is not None:
        pairs["step"] = experiment.step
    return urlencode({**pairs, **experiment.others}, safe=":;,!~=")


def read_link(text: str) -> Experiment:
    """Return the experiment in a link's text or a whole address.

    Raises `ConfigError` if a value is not valid.
    """
    experiment, faults = read_leniently(text)
    if faults:
        raise faults[0]
    return experiment


def read_leniently(text: str) -> tuple[Experiment, list[ConfigError]]:
    """Return the valid part of a link's text, and an error for each value that is left out."""
    text = (text.partition("#")[2] or text).lstrip("#?")
    if len(text) > MAX_LINK:
        fault = ConfigError(f"the link has {len(text):,} characters; the limit is {MAX_LINK:,}")
        return Experiment(), [fault]
    found = _Found(dict(parse_qsl(text, keep_blank_values=True)))
    recipe = Recipe(
        config=_config(found),
        data_name=found.take("data", str, BUILTIN),
        data_sha256=found.take("sha256", str, ""),
        cut=found.take("cut", str, ""),
        interventions=found.take("do", read, ()),
    )
    experiment = Experiment(
        recipe=recipe,
        sampling=Sampling(**found.settings(Sampling)),  # type: ignore[arg-type]
        sample_seed=found.take("draw", lambda said: _whole("draw", said, MAX_DRAW_SEED), None),
        engine=found.take("engine", str, ""),
        step=found.take("step", lambda said: _whole("step", said, MAX_STEP), None),
        documents=found.take("text", _unpack, ""),
        others=found.pairs,
    )
    return experiment, found.faults


@dataclass(slots=True)
class _Found:
    """The unread pairs of a link, and the errors of those that were read."""

    pairs: dict[str, str]
    faults: list[ConfigError] = field(default_factory=list)

    def take(self, name: str, read: Callable[[str], Value], missing: Value) -> Value:
        """Read the value of a key; return `missing` if there is none or it is not valid."""
        if name not in self.pairs:
            return missing
        try:
            return read(self.pairs.pop(name))
        except ConfigError as error:
            self.faults.append(error)
            return missing

    def settings(self, owner: type[Config] | type[Sampling]) -> dict[str, Scalar]:
        """Read the settings of `owner`, each within its own bounds."""
        read = {
            setting.name: self.take(setting.name, partial(_setting, setting), setting.default)
            for setting in settings(owner)
            if setting.name in self.pairs
        }
        return read


def _config(found: _Found) -> Config:
    """Return the settings, without the sizes if these do not fit together."""
    values = found.settings(Config)
    try:
        return Config(**values)  # type: ignore[arg-type]
    except ConfigError as error:
        found.faults.append(error)
        return Config(**{k: v for k, v in values.items() if k not in ("n_embd", "n_head")})  # type: ignore[arg-type]


def _setting(setting: Setting, text: str) -> Scalar:
    return setting.check(_scalar(setting.name, text, type(setting.default)))


def _scalar(name: str, text: str, kind: type) -> Scalar:
    try:
        value: Scalar = kind(text)
    except ValueError:
        raise ConfigError(
            f"the link has {name}={text!r}, which is not a number", "correct or remove it"
        ) from None
    return value


def _whole(name: str, text: str, most: int) -> int:
    digits = text.isascii() and text.isdigit() and len(text) <= len(str(most))
    if not digits or int(text) > most:
        raise ConfigError(
            f"the link has {name}={text[:40]!r}, which is not a whole number up to {most:,}",
            "correct or remove it",
        )
    return int(text)


def _pack(text: str) -> str:
    if not text:  # None, because an empty text would be a run without documents
        return ""
    octets = zlib.compress(text.encode(), 9)
    return base64.urlsafe_b64encode(octets).rstrip(b"=").decode()


def _unpack(packed: str) -> str:
    if not packed:
        return ""
    try:
        octets = base64.b64decode(packed + "=" * (-len(packed) % 4), b"-_", validate=True)
        unpacker = zlib.decompressobj()
        text = unpacker.decompress(octets, MAX_DATA)
        if unpacker.unconsumed_tail:
            raise ConfigError("the data in the link is too large", "send the file with the link")
        return text.decode()
    except (binascii.Error, zlib.error, ValueError):
        raise ConfigError("the text in the link is damaged", "copy the whole link again") from None
