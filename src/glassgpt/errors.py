"""What can go wrong, and the sentence it is told with.

    GlassError
    ├── ConfigError       a setting out of its bounds, or sizes that do not fit together
    ├── DataError         documents that cannot be read
    ├── TokenizeError     a character that the vocabulary does not have
    ├── EngineError       an engine that is unknown, not available, or too small for the model
    ├── CheckpointError   a checkpoint that is missing, damaged, foreign, or of another run
    ├── AddressError      a name or an index that the model does not have
    ├── ProtocolError     a message to the player that is none
    └── DivergenceError   a number in the model stopped being finite

The terminal and the page show the same text: what happened, the value, then `hint:` with the
next action.
"""

from __future__ import annotations

from collections.abc import Sequence


class GlassError(Exception):
    """A mistake that its user can mend; `what` happened and a `hint` at what to do."""

    def __init__(self, what: str, hint: str = "") -> None:
        super().__init__(what, hint)
        self.what = what
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.what}\nhint: {self.hint}" if self.hint else self.what


class ConfigError(GlassError):
    """A setting is out of its bounds, or sizes do not fit together."""


class DataError(GlassError):
    """Documents cannot be read."""


class TokenizeError(GlassError):
    """A text has a character that the vocabulary does not have."""


class EngineError(GlassError):
    """An engine is unknown, not available here, or cannot serve a model of this size."""


class CheckpointError(GlassError):
    """A checkpoint is missing, damaged, foreign, or belongs to another run."""


class AddressError(GlassError):
    """A number is asked for by a name or an index that the model does not have."""


class ProtocolError(GlassError):
    """A message to the player is none that it knows."""


class DivergenceError(GlassError):
    """A number in the model stopped being finite, so the run stops before the step that made it.

    `reason` says what happened, `site` and `index` where: a site of `model.activations`,
    or a parameter's name. `losses` are those of the steps that the same call completed
    before the failing one. Before the first update the learning rate cannot be the
    reason, so the hint names another.
    """

    def __init__(self, reason: str, site: str, index: Sequence[int]) -> None:
        self.reason = reason
        self.site = site
        self.index = tuple(index)
        self.losses: list[float] = []
        where = f"{site}[{', '.join(map(str, index))}]" if index else site
        super().__init__(
            f"{reason} at {where}",
            "the weights are too large; a smaller learning rate (--learning-rate) usually cures it",
        )

    def __reduce__(self) -> tuple[type[DivergenceError], tuple[str, str, tuple[int, ...]], object]:
        return type(self), (self.reason, self.site, self.index), self.__dict__

    def at(self, step: int, document: str) -> DivergenceError:
        """Return self, its sentence completed with the `step` (from 1) and its `document`."""
        self.what = f"training stopped at step {step} (document {shorten(document)!r}): {self.what}"
        self.hint = (
            "no weight was updated yet, so the first weights are too large: "
            "choose a smaller init_std (--init-std), or undo what was set by hand"
            if step == 1
            else "a smaller learning rate (--learning-rate) usually cures it; "
            "the state before this step is kept"
        )
        return self


def shorten(text: str, most: int = 60) -> str:
    """Return `text`, cut after `most` characters with an ellipsis."""
    return text if len(text) <= most else f"{text[:most]}…"


def counted(n: int, noun: str) -> str:
    """Return a number of things in words."""
    return f"{n:,} {plural(n, noun)}"


def plural(n: int, noun: str) -> str:
    """Return what `n` things are called: an English plural that is regular."""
    return noun if n == 1 else f"{noun}s"
