"""A run that might be begun: its documents, whether it can be, how large it would be.

It knows no run that goes on.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeVar

from glassgpt.data import documents as data
from glassgpt.data.segmentation import WAYS, cut, is_prose
from glassgpt.errors import ConfigError, GlassError
from glassgpt.live import protocol
from glassgpt.model import parameters as params
from glassgpt.model.config import Config, Sampling, settings
from glassgpt.model.tokenizer import Tokenizer

MAX_STEPS = 1_000_000  # a page keeps every loss of a run
MAX_PARAMETERS = 2_000_000  # and a server several runs, each with gradients, moments and history
BYTES_PER_PARAMETER = 8 * 12  # weights, gradients, moments, in three engines
EXAMPLES = 12

Kind = TypeVar("Kind", Config, Sampling)


@dataclass(frozen=True, slots=True)
class Source:
    """Documents in file order, what to call them, and how they were cut out of a text."""

    name: str
    documents: tuple[str, ...]
    cut: str = ""

    def __post_init__(self) -> None:
        """Rename other documents that are called as the built-in ones: links go by that name."""
        if self.name == data.BUILTIN and self.documents != tuple(data.builtin_names()):
            object.__setattr__(self, "name", f"{self.name} (a file)")

    @classmethod
    def builtin(cls) -> Source:
        """Return the built-in names."""
        return cls(data.BUILTIN, tuple(data.builtin_names()))


@dataclass(frozen=True, slots=True)
class Text:
    """A file that was sent: its name and bytes, and the documents that its lines are."""

    name: str
    octets: bytes
    lines: tuple[str, ...]

    @classmethod
    def of(cls, name: str, octets: bytes) -> Text:
        """Read it; raise `DataError` where it cannot be."""
        return cls(name, octets, tuple(data.split_documents(octets, name)))

    @property
    def encoding(self) -> str:
        """Return how it is read where that is not UTF-8, or nothing."""
        name = data.encoding_of(self.octets).upper()
        return "" if name.startswith("UTF-8") else name

    def source(self, way: str) -> Source:
        """Return its documents: its lines, or the text cut in another way."""
        if not way:
            return Source(self.name, self.lines)
        return Source(self.name, tuple(cut(data.decoded(self.octets, self.name), way)), way)

    def cuts(self) -> list[protocol.CutFacts]:
        """Return the ways to cut it, where its lines look like running text."""
        if not is_prose(self.lines):
            return []
        ways = ((way, self.source(way).documents) for way in WAYS)
        return [
            protocol.CutFacts(
                way, len(found), max(map(len, found)), [text[:120] for text in found[:EXAMPLES]]
            )
            for way, found in ways
        ]


def made_of(owner: type[Kind], values: dict[str, protocol.Scalar]) -> Kind:
    """Return settings made of `values`; raise `ConfigError` for a name that there is not."""
    known = {setting.name for setting in settings(owner)}
    for name in values:
        if name not in known:
            raise ConfigError(
                f"there is no setting {name!r}", f"there are {', '.join(sorted(known))}"
            )
    return owner(**values)  # type: ignore[arg-type]


def considered(
    source: Source, values: dict[str, protocol.Scalar], text: Text | None = None
) -> protocol.Considered:
    """Return what a new run of these settings on these documents would be, or why it cannot be."""
    tokenizer = Tokenizer.of(source.documents)
    try:
        parameters = check_bounds(made_of(Config, values), tokenizer.vocab_size)
        problem = hint = ""
    except GlassError as error:
        parameters, problem, hint = 0, error.what, error.hint
    block_size = values.get("block_size", Config().block_size)
    context = block_size if isinstance(block_size, int) else Config().block_size
    return protocol.Considered(
        config=values,
        parameters=parameters,
        bytes=parameters * BYTES_PER_PARAMETER,
        documents=len(source.documents),
        characters=list(tokenizer.characters[:200]),
        character_count=len(tokenizer.characters),
        examples=[text[:200] for text in source.documents[:EXAMPLES]],
        clipped=sum(len(text) + 1 > context for text in source.documents),
        data_sha256=data.fingerprint(source.documents),
        encoding=text.encoding if text is not None else "",
        cut=source.cut,
        cuts=text.cuts() if text is not None else [],
        problem=problem,
        hint=hint,
    )


def check_bounds(config: Config, vocab_size: int) -> int:
    """Return the number of parameters; raise `ConfigError` for more than a page can show."""
    if config.num_steps > MAX_STEPS:
        raise ConfigError(
            f"steps is {config.num_steps:,}, but a page keeps at most {MAX_STEPS:,}",
            "train longer in the terminal: glassgpt train",
        )
    parameters = params.count(config, vocab_size)
    if parameters > MAX_PARAMETERS:
        raise ConfigError(
            f"these sizes make a model of {parameters:,} parameters; "
            f"a page takes {MAX_PARAMETERS:,}",
            "choose a smaller n_embd or n_layer, or train it in the terminal: glassgpt train",
        )
    return parameters
