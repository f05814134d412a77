"""A server in a separate process, and a client that speaks to it."""

from __future__ import annotations

import json
import math
import os
import re
import signal
import struct
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import pytest
from websockets.sync.client import ClientConnection, connect

from glassgpt.live import protocol


@dataclass
class Served:
    """A server in a separate process."""

    process: subprocess.Popen[str]
    host: str
    port: int
    token: str = ""
    path: str = "/"  # of the page
    output: list[str] = field(default_factory=list)  # after its address, when it has ended

    @property
    def socket(self) -> str:
        return f"ws://{self.host}:{self.port}{self.path}ws"

    def get(self, path: str = "/", **headers: str) -> tuple[int, str, dict[str, str]]:
        connection = HTTPConnection(self.host, self.port, timeout=10)
        connection.request(
            "GET", path, headers={k.replace("_", "-"): v for k, v in headers.items()}
        )
        answer = connection.getresponse()
        text = answer.read().decode()
        connection.close()
        return answer.status, text, dict(answer.getheaders())


@contextmanager
def serving(
    *arguments: str, data: Path, program: tuple[str, str] = ("-m", "glassgpt")
) -> Iterator[Served]:
    command = [sys.executable, "-W", "error", *program, "--no-open", "--data", str(data)]
    process = subprocess.Popen(
        [*command, *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
    )
    assert process.stdout is not None
    line = process.stdout.readline()
    found = re.search(r"http://([\w.]+):(\d+)/(?:\?token=(\S+))?", line)
    assert found, line + process.stdout.read()
    served = Served(process, "127.0.0.1", int(found[2]), found[3] or "")
    try:
        yield served
    finally:
        process.send_signal(signal.SIGINT)
        try:
            rest = process.communicate(timeout=10)[0]
        except subprocess.TimeoutExpired:
            process.kill()
            raise
        served.output += rest.splitlines()
        assert process.returncode == 0, rest
        assert "Traceback" not in rest, rest


@contextmanager
def hosting(site: Path) -> Iterator[Served]:
    """Serve a folder as any web host would, without GlassGPT."""
    command = [sys.executable, "-u", "-m", "http.server", "0", "--bind", "127.0.0.1"]
    process = subprocess.Popen(
        [*command, "--directory", str(site)],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert process.stdout is not None
    found = re.search(r"port (\d+)", process.stdout.readline())
    assert found
    try:
        yield Served(process, "127.0.0.1", int(found[1]))
    finally:
        process.terminate()
        process.communicate(timeout=10)


@contextmanager
def talking(server: Served, **more: Any) -> Iterator[ClientConnection]:
    with connect(server.socket, max_size=None, compression=None, close_timeout=1, **more) as line:
        yield line


def say(line: ClientConnection, command: protocol.Command) -> None:
    line.send(json.dumps({"kind": type(command).__name__, **_plain(command)}))


def _plain(command: protocol.Command) -> dict[str, Any]:
    return {name: getattr(command, name) for name in command.__struct_fields__}


def hear(line: ClientConnection, kind: str, seconds: float = 10) -> dict[str, Any]:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        message = line.recv(timeout=seconds)
        if isinstance(message, str):
            continue  # a heartbeat
        (length,) = struct.unpack_from("<I", message)
        event: dict[str, Any] = json.loads(message[4 : 4 + length])
        if "seq" in event:
            say(line, protocol.Ack(event["seq"]))
        if event["kind"] == kind:
            return event
    raise AssertionError(f"no {kind} in {seconds} s")


def shout(line: ClientConnection, messages: Sequence[str | bytes]) -> None:
    """Send all, then listen to the end."""
    for message in messages:
        line.send(message)
    hear(line, "Nothing")


def works(server: Served) -> None:
    with talking(server) as line:
        say(line, protocol.Open(still=True))
        say(line, protocol.Seek(2))
        while hear(line, "Frame")["step"] != 2:
            pass


def heard(line: ClientConnection, seconds: float, late: float = math.inf) -> list[dict[str, Any]]:
    """Return all events of `seconds` seconds; acknowledge each after `late` seconds, or never."""
    events: list[dict[str, Any]] = []
    due: list[tuple[float, int]] = []
    end = time.monotonic() + seconds
    while (now := time.monotonic()) < end:
        while due and due[0][0] <= now:
            say(line, protocol.Ack(due.pop(0)[1]))
        try:
            message = line.recv(timeout=max(0, min([end, *(when for when, _ in due)]) - now))
        except TimeoutError:
            continue
        if isinstance(message, str):
            continue  # a heartbeat
        (length,) = struct.unpack_from("<I", message)
        events.append(json.loads(message[4 : 4 + length]))
        if "seq" in events[-1]:
            due.append((time.monotonic() + late, events[-1]["seq"]))
    return events


def resident(server: Served) -> int:
    """Return the bytes of memory that a server holds."""
    try:
        pages = int(Path(f"/proc/{server.process.pid}/statm").read_text().split()[1])
    except FileNotFoundError:
        pytest.skip("memory is measured on Linux alone")
    return pages * os.sysconf("SC_PAGE_SIZE")
