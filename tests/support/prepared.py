"""A prepared interpreter: a process with everything imported, which forks for each command.

A fork has standard streams of the requested encoding and kind, runs one command and ends
as an interpreter does, so that what its end prints and returns counts too. It takes some
milliseconds; a separate process takes a second.
"""

from __future__ import annotations

import json
import os
import pty
import re
import select
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from http.client import HTTPConnection
from importlib import import_module
from pathlib import Path
from types import TracebackType
from typing import BinaryIO

from glassgpt.analysis.benchmark import SCALING, Timing
from glassgpt.model.config import Config

SINKS = ("terminal", "pipe", "file", "closed pipe")
LIMIT = 60  # seconds that a command may take


@dataclass(frozen=True)
class Done:
    """How a command ended: its exit code, negative for a signal, and the bytes of its streams."""

    code: int
    out: bytes
    err: bytes


class Prepared:
    """Runs commands in forks of one prepared process; a context manager."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.support.prepared"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def __enter__(self) -> Prepared:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.close()
        self._process.stdout.close()
        self._process.wait(timeout=60)

    def run(
        self,
        arguments: Sequence[str | Path],
        encoding: str = "utf-8",
        sink: str = "pipe",
    ) -> Done:
        """Run a command; send it Ctrl-C once it has printed an address that answers."""
        assert self._process.stdin
        assert self._process.stdout
        asked = [[*map(str, arguments)], encoding, sink]
        self._process.stdin.write(json.dumps(asked) + "\n")
        self._process.stdin.flush()
        code, out, err = json.loads(self._process.stdout.readline())
        return Done(code, out.encode("latin-1"), err.encode("latin-1"))


def _serve() -> None:
    """Fork for each line of standard input: `[arguments, encoding, sink]`."""
    from glassgpt.cli.main import main

    for name in ("cli.bench", "cli.explain", "cli.sweep", "cli.verify", "server"):
        import_module(f"glassgpt.{name}")
    for name in ("progress", "live", "table", "tree"):
        import_module(f"rich.{name}")
    _measure_nothing()
    for line in sys.stdin:
        arguments, encoding, sink = json.loads(line)
        with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
            reader, writer = _opened(sink, out.fileno())
            child = os.fork()
            if child == 0:
                sys.argv = ["glassgpt", *arguments]
                _take(writer, writer if sink == "terminal" else err.fileno(), encoding)
                main()
            if writer != out.fileno():
                os.close(writer)
            _copy(reader, out, child)
            code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
            answer = [code, *(_read(file).decode("latin-1") for file in (out, err))]
        print(json.dumps(answer), flush=True)


def _measure_nothing() -> None:
    """Let `bench` print made-up figures: real measurements take half a minute."""
    from glassgpt.cli import bench

    def timing(name: str, config: Config, _: object) -> Timing:
        return Timing(name, config, 1e-5, 1e5)

    vars(bench).update(
        time_engine=timing,
        largest_difference=lambda *_: 1e-15,
        scaling=lambda base, name: [timing(name, base, None) for _ in SCALING],
    )


def _opened(sink: str, file: int) -> tuple[int | None, int]:
    """Return where to read what a command prints, and where it prints to."""
    if sink == "terminal":
        return pty.openpty()
    if sink == "file":
        return None, file
    reader, writer = os.pipe()
    if sink == "closed pipe":
        os.close(reader)
        return None, writer
    return reader, writer


def _take(out: int, err: int, encoding: str) -> None:
    """Give this process standard streams as an interpreter opens them."""
    for target, source in ((0, os.open(os.devnull, os.O_RDONLY)), (1, out), (2, err)):
        os.dup2(source, target)
    sys.stdout = open(1, "w", encoding=encoding, closefd=False)  # noqa: SIM115
    sys.stderr = open(2, "w", encoding=encoding, errors="backslashreplace", closefd=False)  # noqa: SIM115


def _copy(reader: int | None, out: BinaryIO, child: int) -> None:
    """Copy until the command ends; interrupt it once it has printed an address that answers."""
    interrupted = False
    for _ in range(20 * LIMIT):
        if reader is not None and select.select([reader], [], [], 0.05)[0]:
            try:
                octets = os.read(reader, 65536)
            except OSError:  # raised by Linux when a terminal's other end has closed
                octets = b""
            if not octets:
                os.close(reader)
                return
            out.write(octets)
            out.flush()
        if not interrupted and _answers(_read(out)):
            os.kill(child, signal.SIGINT)
            interrupted = True
        if reader is None:
            if os.waitid(os.P_PID, child, os.WEXITED | os.WNOHANG | os.WNOWAIT):
                return
            time.sleep(0.005)
    os.kill(child, signal.SIGKILL)


def _answers(printed: bytes) -> bool:
    """Return whether there is a server at the address that was printed, if one was."""
    port = re.search(rb"http://127\.0\.0\.1:(\d+)/\S*\s", printed)
    if not port:
        return False
    connection = HTTPConnection("127.0.0.1", int(port[1]), timeout=LIMIT)
    try:
        connection.request("GET", "/healthz")
        return connection.getresponse().status == 200
    except ConnectionError:  # it does not listen yet
        return False
    finally:
        connection.close()


def _read(file: BinaryIO) -> bytes:
    return os.pread(file.fileno(), 2**24, 0)


if __name__ == "__main__":
    _serve()
