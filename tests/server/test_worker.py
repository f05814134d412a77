"""The process of a run: how much memory it may hold, and what happens when it needs more."""

from __future__ import annotations

import json
import re
import sys
import time
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection

from glassgpt import Config
from glassgpt.live import protocol
from glassgpt.server.worker import MAX_MEMORY, MEMORY_GONE
from tests.support.mutations import TEXT, framed
from tests.support.serving import Served, hear, say, serving, talking, works

if sys.platform != "linux":
    pytest.skip("only Linux limits the memory of a run", allow_module_level=True)

import resource

LARGE = b"ab\n" * (protocol.MAX_UPLOAD // 3)  # as training data it needs 300 MB


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Served]:
    data = tmp_path / "tiny.txt"
    data.write_bytes(TEXT)
    with serving(data=data) as served:
        yield served


def children(process: int) -> list[int]:
    tasks = Path(f"/proc/{process}/task").iterdir()
    return [int(child) for task in tasks for child in (task / "children").read_text().split()]


def runs(server: Served, count: int) -> list[int]:
    """Return the processes of runs, the oldest first, once there are `count`."""
    for _ in range(200):
        found = sorted(
            grandchild for child in children(server.process.pid) for grandchild in children(child)
        )
        if len(found) == count:
            return found
        time.sleep(0.05)
    raise AssertionError(f"{len(found)} processes of runs, not {count}")


def limit(process: int, more: int) -> None:
    """Raise the memory limit of a process to `more` bytes above its use."""
    status = Path(f"/proc/{process}/status").read_text()
    held = re.search(r"VmData:\s+(\d+) kB", status)
    assert held
    resource.prlimit(process, resource.RLIMIT_DATA, (int(held[1]) * 1024 + more, MAX_MEMORY))


def start(line: ClientConnection, config: Config, text: bytes) -> None:
    command = {"kind": "Start", "config": asdict(config), "engine": "", "data": "sent"}
    line.send(framed(json.dumps(command).encode(), text))


def plays_on(line: ClientConnection) -> None:
    step = hear(line, "Frame")["step"]
    while hear(line, "Frame")["step"] < step + 5:
        pass


@pytest.mark.parametrize("size", [20, 2**20])
def test_the_memory_limit_of_a_run_excludes_the_servers_own_documents(
    tmp_path: Path, size: int
) -> None:
    data = tmp_path / "ab.txt"
    data.write_bytes(b"ab\nba\n" * (size // 6))
    with serving(data=data) as server:
        (process,) = runs(server, 1)
        works(server)  # it has begun
        most = resource.prlimit(process, resource.RLIMIT_DATA)[0]
    assert 33 * size <= most - MAX_MEMORY < 100 * size + 2**20  # 33 are needed for short lines


@pytest.mark.parametrize("more", [2 * 2**20, 64 * 2**20], ids=["message", "text"])
def test_a_run_that_needs_more_memory_ends_with_a_sentence_and_no_other_does(
    server: Served, more: int
) -> None:
    """The first has no room for the message itself, the second none for the documents in it."""
    with talking(server) as good, talking(server) as bad:
        say(good, protocol.Open(link="num_steps=100000"))
        hear(good, "Frame")
        process = runs(server, 2)[1]  # made ready for the next tab
        say(bad, protocol.Open(still=True))
        hear(bad, "Frame")
        limit(process, more)
        start(bad, Config(), LARGE)
        with pytest.raises(ConnectionClosed) as closed:
            hear(bad, "Nothing")
        assert closed.value.rcvd is not None
        assert (closed.value.rcvd.code, closed.value.rcvd.reason) == (protocol.ENDED, MEMORY_GONE)
        plays_on(good)
    works(server)


def test_a_model_that_needs_more_memory_is_refused_and_its_run_continues(server: Served) -> None:
    (process,) = runs(server, 1)
    with talking(server) as line:
        say(line, protocol.Open(link="num_steps=100000"))
        hear(line, "Frame")
        limit(process, 64 * 2**20)
        start(line, Config(block_size=1024, n_layer=3), TEXT)
        assert "more than is free" in hear(line, "Refused")["what"]
        plays_on(line)
