"""Jobs requested by the page: the newest of each kind, until it is complete or ended."""

from __future__ import annotations

from dataclasses import dataclass

from glassgpt.live.protocol.run_events import JobName


@dataclass(frozen=True, slots=True, eq=False)
class Request:
    """A requested computation. It belongs to the history of `version`, or to any."""

    job: JobName
    computation: object
    version: int | None
    command: int  # the id of the command that requested it


class Requests:
    """At most one request of each kind."""

    def __init__(self) -> None:
        self._open: dict[JobName, Request] = {}
        self._ended: list[tuple[Request, bool]] = []

    def ask(self, request: Request) -> None:
        """Add a request; it replaces an earlier one of its kind."""
        self._open[request.job] = request

    def open(self, job: JobName) -> Request | None:
        """Return the request of a kind, if there is one."""
        return self._open.get(job)

    def complete(self, job: JobName) -> None:
        """Remove a request whose results were all sent."""
        del self._open[job]

    def end(self, job: JobName, *, stopped: bool = False) -> None:
        """End a request before it is complete, if there is one; `stopped`: by the reader."""
        if job in self._open:
            self._ended.append((self._open.pop(job), stopped))

    def end_all_but(self, version: int | None = None) -> None:
        """End the requests of other histories; without a version all of them."""
        for job, request in list(self._open.items()):
            if version is None or request.version not in (None, version):
                self.end(job)

    def take_ended(self) -> list[tuple[Request, bool]]:
        """Return the requests ended early since the last call; True if the reader did it."""
        ended, self._ended = self._ended, []
        return ended
