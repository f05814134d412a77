"""Calls in separate processes: if a process dies, only its own call is lost.

Each worker has its own pipe, so the death of one does not affect the others. Workers end with the
process that started them, even if that is killed.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections import Counter, deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from typing import Any, Generic, TypeVar

TRIES = 2  # calls of one argument before it is given up

Argument = TypeVar("Argument")
Value = TypeVar("Value")


@dataclass(frozen=True, slots=True)
class Lost(Generic[Argument]):
    """A call whose process died at each attempt, with the reason."""

    argument: Argument
    reason: str


def call_all(
    function: Callable[[Argument], Value], arguments: Sequence[Argument], jobs: int
) -> Iterator[Value | Lost[Argument]]:
    """Yield function(argument) of each argument as it is done, `jobs` at a time.

    Raises what the function raises. Closing the iterator ends the calls that are not done.
    """
    waiting, tries = deque(range(len(arguments))), Counter[int]()
    workers: list[_Worker] = []
    try:
        workers += [_Worker(function) for _ in range(min(jobs, len(arguments)))]
        while waiting or any(worker.task is not None for worker in workers):
            for i, worker in enumerate(workers):
                if worker.task is None and waiting:
                    if not worker.process.is_alive():  # killed while idle
                        worker.end()
                        worker = workers[i] = _Worker(function)
                    task = waiting.popleft()
                    tries[task] += 1
                    worker.give(task, arguments[task])
            pipes = wait([worker.pipe for worker in workers if worker.task is not None])
            for i, worker in enumerate(workers):
                if worker.pipe not in pipes or worker.task is None:
                    continue
                task, worker.task = worker.task, None
                try:
                    value, error = worker.pipe.recv()
                except (EOFError, OSError):
                    reason = worker.end()
                    workers[i] = _Worker(function)
                    if tries[task] < TRIES:
                        waiting.appendleft(task)
                    else:
                        yield Lost(arguments[task], reason)
                    continue
                if error is not None:
                    raise error
                yield value
    finally:
        for worker in workers:
            worker.end()


class _Worker:
    """A process that calls the function for each argument from its pipe; `task` is current."""

    def __init__(self, function: Callable[[Any], Any]) -> None:
        self.task: int | None = None
        self.pipe, theirs = multiprocessing.Pipe()
        self.process = multiprocessing.Process(target=_work, args=(theirs, function), daemon=True)
        self.process.start()
        theirs.close()  # so that its death is the end of the pipe

    def give(self, task: int, argument: object) -> None:
        """Send an argument; if the process is dead, reading its answer fails later."""
        self.task = task
        with suppress(OSError):
            self.pipe.send(argument)

    def end(self) -> str:
        """Kill the process if it is alive, and return how it ended."""
        self.process.kill()
        self.process.join()
        self.pipe.close()
        code = self.process.exitcode or 0
        return f"killed by signal {-code}" if code < 0 else f"ended with exit code {code}"


def _work(pipe: Connection, function: Callable[[Any], Any]) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent handles Ctrl-C
    threading.Thread(target=_end_with_parent, daemon=True).start()
    while True:
        try:
            argument = pipe.recv()
        except (EOFError, OSError):
            return
        answer: tuple[Any, Exception | None]
        try:
            answer = function(argument), None
        except Exception as error:
            answer = None, error
        pipe.send(answer)


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    assert parent is not None
    parent.join()
    os._exit(1)
