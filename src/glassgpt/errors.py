"""The errors of the package. Each states what happened and what to do.

    GlassError
    ├── ConfigError       a setting out of its bounds, or sizes that do not fit together
    ├── DataError         documents that cannot be read
    ├── TokenizeError     a character that the vocabulary does not have
    ├── EngineError       an engine that is unknown, not available, or too small for the model
    ├── CheckpointError   a checkpoint that is missing, damaged, or not of this program or run
    ├── AddressError      a name or an index that the model does not have
    ├── ProtocolError     a message that is not a valid command
    └── DivergenceError   a number in the model stopped being finite

The terminal and the page show the same text: what happened, with the value, then `hint:` and the
next action.
"""

from __future__ import annotations

from collections.abc import Sequence


class GlassError(Exception):
    """An error that the user can correct: `what` happened, and a `hint` what to do."""

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
    """A checkpoint is missing, damaged, or not of this program or run."""


class AddressError(GlassError):
    """A name or an index that the model does not have."""


class SiteError(GlassError):
    """The static site cannot be written."""


class ProtocolError(GlassError):
    """A message is not a valid command."""


class DivergenceError(GlassError):
    """A number in the model stopped being finite, so the run stops before the step that made it.

    `reason` is what happened, `site` and `index` are its place: `site` is an activation of
    `model.activations` or a parameter. `losses` are those of the steps that the same call
    completed before the failing one. Before the first update the learning rate cannot be
    the cause, so the hint names another.
    """

    def __init__(self, reason: str, site: str, index: Sequence[int]) -> None:
        self.reason = reason
        self.site = site
        self.index = tuple(index)
        self.losses: list[float] = []
        where = f"{site}[{', '.join(map(str, index))}]" if index else site
        super().__init__(
            f"{reason} at {where}",
            "the weights are too large; a smaller learning rate (--learning-rate) usually helps",
        )

    def __reduce__(self) -> tuple[type[DivergenceError], tuple[str, str, tuple[int, ...]], object]:
        return type(self), (self.reason, self.site, self.index), self.__dict__

    def at(self, step: int, document: str) -> DivergenceError:
        """Return self with the `step` (from 1) and its `document` added to the message."""
        self.what = f"training stopped at step {step} (document {shorten(document)!r}): {self.what}"
        self.hint = (
            "no weight was updated yet, so the first weights are too large: "
            "choose a smaller init_std (--init-std), or undo the weights that you set"
            if step == 1
            else "a smaller learning rate (--learning-rate) usually helps; "
            "the state before this step is kept"
        )
        return self


def shorten(text: str, most: int = 60) -> str:
    """Return `text`, cut after `most` characters, with an ellipsis where it was cut."""
    return text if len(text) <= most else f"{text[:most]}…"


def counted(n: int, noun: str) -> str:
    """Return a count with its noun, for instance `1,000 steps`."""
    return f"{n:,} {plural(n, noun)}"


def plural(n: int, noun: str) -> str:
    """Return the noun, as a regular plural unless `n` is 1."""
    return noun if n == 1 else f"{noun}s"
