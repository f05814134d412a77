"""Documents and settings of a new run, as a page sends them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeVar

from glassgpt.data import documents as data
from glassgpt.data.segmentation import WAYS, cut, is_prose
from glassgpt.errors import ConfigError
from glassgpt.live.bounds import check_model
from glassgpt.model.config import Config, Sampling, Scalar, settings
from glassgpt.model.tokenizer import Tokenizer
from glassgpt.training.interventions import Interventions
from glassgpt.training.session import Session
from glassgpt.training.snapshot import Snapshot

Kind = TypeVar("Kind", Config, Sampling)


@dataclass(frozen=True, slots=True)
class Source:
    """Documents in file order, their name, and the segmentation of their text."""

    name: str
    documents: tuple[str, ...]
    cut: str = ""

    def __post_init__(self) -> None:
        """Rename other documents named like the built-in ones: links refer to these by name."""
        if self.name == data.BUILTIN and self.documents != tuple(data.builtin_names()):
            object.__setattr__(self, "name", f"{self.name} (a file)")

    @classmethod
    def builtin(cls) -> Source:
        """Return the built-in names."""
        return cls(data.BUILTIN, tuple(data.builtin_names()))


@dataclass(frozen=True, slots=True)
class Text:
    """A file that was sent: its name and bytes, and its lines as documents."""

    name: str
    octets: bytes
    lines: tuple[str, ...]

    @classmethod
    def of(cls, name: str, octets: bytes) -> Text:
        """Split it into documents; raise `DataError` if that is not possible."""
        return cls(name, octets, tuple(data.split_documents(octets, name)))

    @property
    def encoding(self) -> str:
        """Return its encoding if that is not UTF-8, otherwise nothing."""
        name = data.encoding_of(self.octets).upper()
        return "" if name.startswith("UTF-8") else name

    def source(self, way: str) -> Source:
        """Return its documents: its lines, or the text cut in another way."""
        if not way:
            return Source(self.name, self.lines)
        return Source(self.name, tuple(cut(data.decoded(self.octets, self.name), way)), way)

    def cuts(self) -> list[tuple[str, tuple[str, ...]]]:
        """Return the ways to cut it and the documents of each, if its lines look like prose."""
        if not is_prose(self.lines):
            return []
        return [(way, self.source(way).documents) for way in WAYS]


@dataclass(frozen=True, slots=True)
class NewRun:
    """Everything that a run begins with: a `snapshot` continues the run that it was taken of."""

    source: Source
    config: Config
    engine: str = ""
    snapshot: Snapshot | None = None
    interventions: Interventions = ()

    def session(self) -> Session:
        """Return its session; raise `GlassError` if a page cannot have such a run."""
        source = self.source
        check_model(self.config, Tokenizer.of(source.documents).vocab_size)
        if self.snapshot is not None:
            return Session.resumed(self.snapshot, source.documents)
        return Session(
            self.config,
            source.documents,
            engine=self.engine,
            data_name=source.name,
            cut=source.cut,
        )


def made_of(owner: type[Kind], values: dict[str, Scalar]) -> Kind:
    """Return settings with `values`; raise `ConfigError` for an unknown name."""
    known = {setting.name for setting in settings(owner)}
    for name in values:
        if name not in known:
            raise ConfigError(
                f"there is no setting {name!r}", f"choose one of: {', '.join(sorted(known))}"
            )
    return owner(**values)  # type: ignore[arg-type]
