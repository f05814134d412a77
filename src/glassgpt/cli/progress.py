"""Progress of a training run: a live bar on a terminal, plain lines elsewhere, or nothing.

A progress is a context manager that gets each chunk of step records.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Protocol

from glassgpt.cli.terminal import on_terminal, say
from glassgpt.training.records import StepRecord

if TYPE_CHECKING:
    from rich.progress import Progress as RichProgress

SMOOTHED_OVER = 100  # steps
PLAIN_LINES = 20  # over a whole run


class Smoothed:
    """The mean of the last hundred losses (of fewer at the start), and the pace of the run."""

    def __init__(self) -> None:
        self._losses: deque[float] = deque(maxlen=SMOOTHED_OVER)
        self._began = time.perf_counter()
        self._steps = 0

    def add(self, records: Sequence[StepRecord]) -> None:
        """Add the next records."""
        self._losses.extend(record.loss for record in records)
        self._steps += len(records)

    @property
    def loss(self) -> float:
        """The smoothed loss."""
        return sum(self._losses) / len(self._losses)

    @property
    def pace(self) -> float:
        """Steps a second since the start."""
        return self._steps / max(time.perf_counter() - self._began, 1e-9)


class Progress(Protocol):
    """Base class: shows the progress of a run, as a context manager."""

    def __enter__(self) -> Progress: ...

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None: ...

    def show(self, records: Sequence[StepRecord]) -> None:
        """Show the progress after these steps."""


class Silent:
    """Shows nothing."""

    def __enter__(self) -> Silent:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def show(self, records: Sequence[StepRecord]) -> None:
        """Show nothing."""


class Lines:
    """Prints a line at intervals, for files and pipes."""

    def __init__(self, done: int, total: int) -> None:
        self._total = total
        self._every = max(1, total // PLAIN_LINES)
        self._next = done + 1
        self._smoothed = Smoothed()

    def __enter__(self) -> Lines:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def show(self, records: Sequence[StepRecord]) -> None:
        """Print a line if one is due."""
        self._smoothed.add(records)
        last = records[-1]
        if last.step < self._next and last.step < self._total:
            return
        self._next = (last.step // self._every + 1) * self._every
        left = (self._total - last.step) / self._smoothed.pace
        say(
            f"step {last.step:>{len(str(self._total))}}/{self._total}  loss {last.loss:.4f}  "
            f"smoothed {self._smoothed.loss:.4f}  lr {rate(last.learning_rate)}  "
            f"{self._smoothed.pace:,.0f} steps/s  {duration(left)} left"
        )


class Bar:
    """A live bar, drawn by Rich."""

    def __init__(self, done: int, total: int) -> None:
        self._smoothed = Smoothed()
        self._bar = _rich_bar()
        self._task = self._bar.add_task("", total=total, completed=done, numbers="", left="")
        self._total = total

    def __enter__(self) -> Bar:
        self._bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.stop()

    def show(self, records: Sequence[StepRecord]) -> None:
        """Move the bar."""
        self._smoothed.add(records)
        last = records[-1]
        self._bar.update(
            self._task,
            completed=last.step,
            numbers=f"loss [b]{last.loss:.4f}[/b]  smoothed [b]{self._smoothed.loss:.4f}[/b]  "
            f"lr {rate(last.learning_rate)}  {self._smoothed.pace:,.0f} steps/s",
            left=f"{duration((self._total - last.step) / self._smoothed.pace)} left",
        )


def _rich_bar() -> RichProgress:
    # Rich takes a tenth of a second to import: only a terminal needs it
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

    return Progress(
        TextColumn("step"),
        MofNCompleteColumn(),
        BarColumn(bar_width=None),
        TextColumn("{task.fields[numbers]}"),
        TextColumn("{task.fields[left]}", style="progress.remaining"),
        expand=True,
    )


def progress_for(done: int, total: int, *, quiet: bool) -> Progress:
    """Return the progress display that suits standard output."""
    if quiet:
        return Silent()
    return Bar(done, total) if on_terminal() else Lines(done, total)


def rate(number: float) -> str:
    """Return a learning rate to five places, or a small one to three significant digits."""
    return f"{number:.5f}" if number >= 1e-4 or number == 0 else f"{number:.2e}"


def duration(seconds: float) -> str:
    """Return a span of time in words short enough for a line."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes:02} min"
    return f"{minutes} min {rest:02} s" if minutes else f"{rest} s"
