"""Events about the run and its position."""

from __future__ import annotations

from typing import Literal, TypeAlias

from glassgpt.live.protocol.message import Answer, Numbered, Scalar
from glassgpt.live.protocol.parts import (
    ArrayHead,
    BranchFacts,
    EngineFacts,
    ParamFacts,
    PendingLink,
    SettingFacts,
    SiteFacts,
)

JobName: TypeAlias = Literal[
    "preview", "attribution", "weight history", "seed band", "verification"
]


class Hello(Answer, frozen=True, tag=True):
    """The whole run: the first event, sent again when another run replaces it."""

    version: int
    run: str
    engine: EngineFacts
    engines: list[str]
    settings: list[SettingFacts]
    sampling_settings: list[SettingFacts]
    config: dict[str, Scalar]
    sampling: dict[str, Scalar]
    sample_seed: int | None
    sites: list[SiteFacts]
    params: list[ParamFacts]
    parameters: int
    characters: list[str]
    data_name: str
    data_sha256: str
    documents: int
    validation_from: int  # the first validation document
    longest: int  # positions of the longest document, clipped to the context
    typical: int  # positions that 98 of 100 documents do not exceed
    clipped: int  # how many documents are longer than the context
    begin: int  # the first position: that of the checkpoint the run was opened from
    reached: int
    pace: float
    schedule: list[float]  # the learning rate at evenly spaced positions, from 0 to num_steps
    link: str
    notice: str  # a message for the reader, or nothing
    pending_link: PendingLink | None


class Frame(Numbered, frozen=True, tag=True):
    """The run after `step` updates, and every loss since the previous frame.

    The arrays `losses` and `rates` begin at the step of index `first`. The document is the one the
    next update learns from or, if `watching`, the watched one.
    """

    step: int
    reached: int
    playing: bool
    busy: bool  # during a seek
    pace: float  # as set
    speed: float  # as measured, steps a second
    rate: float  # the learning rate of the next update
    document: str
    tokens: list[int]
    watching: bool
    first: int
    arrays: list[ArrayHead]


class Settings(Answer, frozen=True, tag=True):
    """The settings as they are now, after a live change."""

    config: dict[str, Scalar]
    schedule: list[float]
    link: str


class Branches(Answer, frozen=True, tag=True):
    """All branches: which is shown, which is compared with it, whether a change can be undone."""

    current: int
    compared: int | None
    undo: bool
    redo: bool
    most: int
    branches: list[BranchFacts]


class Curve(Answer, frozen=True, tag=True):
    """The losses of a branch that is not shown, from the step of index `first` on: its fork."""

    branch: int
    first: int
    arrays: list[ArrayHead]


class Stopped(Answer, frozen=True, tag=True):
    """Training stopped before a step that would give a number that is not finite."""

    step: int
    what: str
    hint: str
    site: str
    index: list[int]


class Done(Answer, frozen=True, tag=True):
    """All commands up to `to` are done: each was executed, refused, or replaced.

    A job that a command began may still run; `Ended` follows if it ends before it is complete.
    """


class Ended(Answer, frozen=True, tag=True):
    """A requested job ended before it was complete: stopped, or its run was changed."""

    job: JobName
    stopped: bool  # by the reader, not by a change


class Refused(Answer, frozen=True, tag=True):
    """A command was refused: what happened, and what to do."""

    command: str
    what: str
    hint: str
