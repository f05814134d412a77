"""The base classes of jobs."""

from __future__ import annotations

from collections.abc import Generator
from typing import ClassVar, TypeAlias

from glassgpt.live.pacing import SLICE
from glassgpt.live.presenters import Told
from glassgpt.live.protocol.run_events import JobName
from glassgpt.live.workspace import Workspace

# Yields None or an event after each slice of work; returns the last event, if there is one.
Work: TypeAlias = "Generator[Told | None, None, Told | None]"


class Job:
    """One kind of work, about one subject.

    The scheduler makes one for a subject, and a new one when the subject has changed. It does the
    work once at each position.
    """

    slice: ClassVar[float] = SLICE  # seconds of work at a time
    at_rest: ClassVar[bool] = False  # whether it is done only while training is paused
    refuses: ClassVar[str] = ""  # the command that is refused if the work cannot be done
    requested: ClassVar[JobName | None] = None  # the kind of request that it fulfils

    def __init__(self, workspace: Workspace) -> None:
        self.workspace = workspace

    @classmethod
    def subject(cls, workspace: Workspace) -> object:
        """Return the current subject of the work, None if there is nothing to do."""
        raise NotImplementedError

    def position(self) -> object:
        """Return a value; when it changes, finished work is done again."""
        return None

    def work(self) -> Work:
        """Do the work, a slice for each `next`."""
        raise NotImplementedError

    def rest(self, seconds: float, delay: float) -> float:  # noqa: ARG002
        """Return how long to wait while training runs, after a slice that took `seconds`.

        `delay` is how long frames are held back because the cores are busy.
        """
        return 0.0


class Quick(Job):
    """Work that is done in one piece."""

    def work(self) -> Work:
        """Do the work."""
        yield from ()
        return self.compute()

    def compute(self) -> Told | None:
        """Return the event, if there is one."""
        raise NotImplementedError
