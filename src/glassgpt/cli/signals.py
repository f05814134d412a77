"""Collects signals (Ctrl-C, SIGTERM, SIGHUP), so that the run can stop between two steps."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

WATCHED = [
    getattr(signal, name)
    for name in ("SIGINT", "SIGTERM", "SIGHUP")  # Windows has no SIGHUP
    if hasattr(signal, name)
]


@contextmanager
def collected() -> Iterator[list[int]]:
    """Collect the first signal in the list; a second one interrupts at once.

    A signal that was ignored at the start (nohup, a background job) stays ignored.
    """
    caught: list[int] = []
    watched = [each for each in WATCHED if signal.getsignal(each) != signal.SIG_IGN]
    before: dict[int, Any] = {}

    def note(number: int, _frame: FrameType | None) -> None:
        caught.append(number)
        for each in watched:
            again = signal.default_int_handler if each == signal.SIGINT else signal.SIG_DFL
            signal.signal(each, again)

    for each in watched:
        before[each] = signal.signal(each, note)
    try:
        yield caught
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)
