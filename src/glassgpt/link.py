"""An experiment as text that fits into an address: `seed=42&n_embd=32&step=250`.

The seed and what differs from the defaults are written. Own data travels inside the link while it
is small, and else as its fingerprint: the reader then has to bring the file. Keys that only a page
knows (what is selected, which switch is on) are left to it.
"""

from __future__ import annotations

import base64
import binascii
import zlib
from dataclasses import dataclass, field
from urllib.parse import parse_qsl, urlencode

from glassgpt.config import Config, Sampling, Scalar, settings
from glassgpt.data import BUILTIN
from glassgpt.errors import ConfigError
from glassgpt.interventions import Recipe, read, write
from glassgpt.sampling import MAX_DRAW_SEED

MAX_LINK = 8192  # characters; longer addresses break in mail programs and servers
MAX_DATA = 2**20  # bytes that data inside a link may unpack to
MAX_STEP = 10**10 - 1
_ROOM = 4000  # characters that data may take in a link


@dataclass(frozen=True, slots=True)
class Experiment:
    """What a link says. `documents` is the text of own data, `data_sha256` names data not given."""

    config: Config = field(default_factory=Config)
    sampling: Sampling = field(default_factory=Sampling)
    sample_seed: int | None = None
    engine: str = ""
    step: int | None = None
    data_name: str = BUILTIN
    documents: str = ""
    data_sha256: str = ""
    cut: str = ""  # how the documents were cut out of the text that is not given
    interventions: Recipe = ()  # what is done to the run on its way
    others: dict[str, str] = field(default_factory=dict)


def write_link(experiment: Experiment) -> str:
    """Return the experiment as `key=value&…`, without a leading `#`."""
    pairs: dict[str, object] = {}
    for values in (experiment.config, experiment.sampling):
        for setting in settings(type(values)):
            value = getattr(values, setting.name)
            if value != setting.default or setting.name == "seed":  # a link is never empty
                pairs[setting.name] = value
    if experiment.sample_seed is not None:
        pairs["draw"] = experiment.sample_seed
    if experiment.engine:
        pairs["engine"] = experiment.engine
    if experiment.data_name != BUILTIN:
        pairs["data"] = experiment.data_name
        packed = _pack(experiment.documents)
        if packed and len(packed) <= _ROOM:
            pairs["text"] = packed
        else:
            pairs["sha256"] = experiment.data_sha256
            if experiment.cut:
                pairs["cut"] = experiment.cut
    if experiment.interventions:
        pairs["do"] = write(experiment.interventions)
    if experiment.step is not None:
        pairs["step"] = experiment.step
    return urlencode({**pairs, **experiment.others}, safe=":;,!~=")


def read_link(text: str) -> Experiment:
    """Return the experiment in a link's text; raise `ConfigError` where a value cannot be."""
    text = text.lstrip("#?")
    if len(text) > MAX_LINK:
        raise ConfigError(f"the link has {len(text):,} characters, more than {MAX_LINK:,}")
    found = dict(parse_qsl(text, keep_blank_values=True))
    values: list[dict[str, Scalar]] = [{}, {}]
    for owner, into in zip((Config, Sampling), values, strict=True):
        for setting in settings(owner):
            if setting.name in found:
                into[setting.name] = _scalar(
                    setting.name, found.pop(setting.name), type(setting.default)
                )
    name = found.pop("data", BUILTIN)
    return Experiment(
        config=Config(**values[0]),  # type: ignore[arg-type]
        sampling=Sampling(**values[1]),  # type: ignore[arg-type]
        sample_seed=_whole("draw", found.pop("draw", None), MAX_DRAW_SEED),
        engine=found.pop("engine", ""),
        step=_whole("step", found.pop("step", None), MAX_STEP),
        data_name=name,
        documents=_unpack(found.pop("text", "")),
        data_sha256=found.pop("sha256", ""),
        cut=found.pop("cut", ""),
        interventions=read(found.pop("do", "")),
        others=found,
    )


def _scalar(name: str, text: str, kind: type) -> Scalar:
    try:
        value: Scalar = kind(text)
    except ValueError:
        raise ConfigError(
            f"the link says {name}={text!r}, which is no number", "mend or remove it"
        ) from None
    return value


def _whole(name: str, text: str | None, most: int) -> int | None:
    if text is None:
        return None
    digits = text.isascii() and text.isdigit() and len(text) <= len(str(most))
    if not digits or int(text) > most:
        raise ConfigError(
            f"the link says {name}={text[:40]!r}, which is no whole number up to {most:,}",
            "mend or remove it",
        )
    return int(text)


def _pack(text: str) -> str:
    if not text:  # not given: an empty text would say that the run learned from nothing
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
            raise ConfigError("the data in the link is too large", "send the file beside the link")
        return text.decode()
    except (binascii.Error, zlib.error, ValueError) as error:
        raise ConfigError(
            f"the data in the link is damaged: {error}", "copy the whole link again"
        ) from None
