"""The server: its access policy, its resistance to bad clients, and its end."""

from __future__ import annotations

import asyncio
import signal
import socket
import struct
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
import uvicorn
from starlette.requests import HTTPConnection as Connection
from starlette.responses import Response
from websockets.exceptions import ConnectionClosed, InvalidStatus

from glassgpt.live import protocol
from glassgpt.server import listening
from glassgpt.server.access import AccessPolicy
from glassgpt.server.runs import MAX_RUNS
from tests.support.serving import (
    Served,
    hear,
    heard,
    resident,
    say,
    serving,
    shout,
    talking,
    works,
)


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("data") / "tiny.txt"
    path.write_text("ab\nba\nabba\nbaab\naab\n")
    return path


@pytest.fixture(scope="module")
def server(tiny: Path) -> Iterator[Served]:
    with serving(data=tiny) as served:
        yield served


def test_the_page_and_its_health_are_served(server: Served) -> None:
    status, text, headers = server.get()
    assert status == 200
    assert "GlassGPT" in text
    assert "default-src 'self'" in headers["content-security-policy"]
    assert server.get("/healthz")[:2] == (200, "ok")
    assert server.get("/nothing")[0] == 404
    assert server.get("/assets/../../server.py")[0] == 404


def test_a_foreign_host_is_refused(server: Served) -> None:
    assert server.get(Host="evil.example")[0] == 403
    assert server.get(Host=f"localhost:{server.port}")[0] == 200


def test_a_foreign_origin_is_refused(server: Served) -> None:
    with pytest.raises(InvalidStatus, match="403"), talking(server, origin="http://evil.example"):
        pass
    with talking(server, origin=f"http://{server.host}:{server.port}"):
        pass


def test_a_run_is_kept_through_a_reload(server: Served) -> None:
    with talking(server) as line:
        say(line, protocol.Open(still=True))
        run = hear(line, "Hello")["run"]
        say(line, protocol.Seek(9))
        while hear(line, "Frame")["step"] != 9:
            pass
    with talking(server) as line:
        say(line, protocol.Open(run=run))
        hello = hear(line, "Hello")
        assert (hello["run"], hello["reached"]) == (run, 9)


def test_two_tabs_have_two_runs(server: Served) -> None:
    with talking(server) as one, talking(server) as two:
        say(one, protocol.Open(still=True))
        say(two, protocol.Open(still=True))
        assert hear(one, "Hello")["run"] != hear(two, "Hello")["run"]
        say(one, protocol.Seek(5))
        while hear(one, "Frame")["step"] != 5:
            pass
        assert hear(two, "Frame")["step"] == 0


def test_a_second_tab_takes_the_run_over(server: Served) -> None:
    with talking(server) as one, talking(server) as two:
        say(one, protocol.Open(still=True))
        run = hear(one, "Hello")["run"]
        say(two, protocol.Open(run=run))
        assert hear(two, "Hello")["run"] == run
        with pytest.raises(ConnectionClosed) as closed:
            hear(one, "Nothing")
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == 4001


def test_the_limit_of_runs_holds_until_a_tab_is_closed(tiny: Path) -> None:
    with serving(data=tiny) as server, ExitStack() as tabs:
        lines = [tabs.enter_context(talking(server)) for _ in range(MAX_RUNS)]
        for line in lines:
            say(line, protocol.Open(still=True))
        assert len({hear(line, "Hello")["run"] for line in lines}) == MAX_RUNS == 64
        with talking(server) as late:
            say(late, protocol.Open(still=True))
            assert hear(late, "Refused")["what"].startswith("64 runs are open")
        lines[0].close()
        works(server)


def test_a_link_opens_its_experiment_at_its_step(server: Served) -> None:
    with talking(server) as line:
        say(line, protocol.Open(link="seed=7&n_embd=8&step=6&temperature=1.5"))
        hello = hear(line, "Hello")
        assert (hello["config"]["seed"], hello["config"]["n_embd"]) == (7, 8)
        assert hello["sampling"]["temperature"] == 1.5
        while hear(line, "Frame")["step"] != 6:
            pass


def test_a_broken_link_opens_the_default_and_says_so(server: Served) -> None:
    with talking(server) as line:
        say(line, protocol.Open(link="n_embd=wide", still=True))
        assert "n_embd" in hear(line, "Hello")["notice"]


@pytest.mark.parametrize(
    "first", ["", "nonsense", '{"kind": "Play"}', b"\x00", '{"kind": "Open", "run": 7}']
)
def test_a_client_that_does_not_send_open_is_disconnected(
    server: Served, first: str | bytes
) -> None:
    with talking(server) as line:
        line.send(first)
        assert hear(line, "Refused")["what"]
        with pytest.raises(ConnectionClosed):
            hear(line, "Nothing")
    works(server)


def test_a_client_that_sends_only_invalid_messages_is_disconnected(server: Served) -> None:
    with talking(server) as line:
        say(line, protocol.Open(still=True))
        hear(line, "Hello")
        for _ in range(30):
            line.send("{")
        with pytest.raises(ConnectionClosed):
            hear(line, "Nothing")
    works(server)


def test_a_flooding_client_is_disconnected(server: Served) -> None:
    with talking(server) as line:
        say(line, protocol.Open(still=True))
        hear(line, "Hello")
        with pytest.raises(ConnectionClosed):
            shout(line, ['{"kind": "Play"}'] * 5000)
    works(server)


def test_an_oversized_message_ends_its_own_connection_only(server: Served) -> None:
    with talking(server) as line:
        say(line, protocol.Open(still=True))
        hear(line, "Hello")
        with pytest.raises(ConnectionClosed):
            shout(line, [bytes(protocol.MAX_UPLOAD + 2 * protocol.MAX_COMMAND)])
    works(server)


HANDSHAKE = (
    "GET /ws HTTP/1.1\r\nHost: {host}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Version: 13\r\n\r\n"
)


@pytest.mark.parametrize("manner", ["vanishes", "half closes", "never reads", "breaks the frame"])
def test_a_client_that_breaks_the_protocol_does_not_affect_others(
    server: Served, manner: str
) -> None:
    with socket.create_connection((server.host, server.port)) as raw:
        raw.sendall(HANDSHAKE.format(host=f"{server.host}:{server.port}").encode())
        assert b"101" in raw.recv(64)
        text = b'{"kind": "Open"}'
        raw.sendall(bytes([0x81, 0x80 | len(text), 0, 0, 0, 0]) + text)  # masked with zeros
        match manner:
            case "vanishes":  # with a reset instead of a close
                raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                raw.close()
            case "half closes":
                raw.shutdown(socket.SHUT_WR)
            case "breaks the frame":
                raw.sendall(b"\xff\xff\xff\xff" * 10)
        works(server)


def test_a_client_that_is_half_a_second_late_still_sees_the_run_move(server: Served) -> None:
    with talking(server) as line:
        say(line, protocol.Open(link="seed=42&num_steps=100000"))
        events = heard(line, 4, late=0.5)
    frames = [event["step"] for event in events if event["kind"] == "Frame"]
    assert len(frames) >= 4, [event["kind"] for event in events]


def test_a_client_that_acknowledges_late_gets_the_newest_frame_and_every_loss(
    server: Served,
) -> None:
    with talking(server) as line:
        say(line, protocol.Open(still=True))
        say(line, protocol.Pace(0))
        say(line, protocol.Play())
        events = heard(line, 1.0)
        numbered = [event for event in events if "seq" in event]
        assert len(numbered) == protocol.CREDITS  # then it waits, however long the client sleeps
        last = [event for event in numbered if event["kind"] == "Frame"][-1]
        say(line, protocol.Pause())
        say(line, protocol.Ack(numbered[-1]["seq"]))
        frame = hear(line, "Frame")
        while frame["playing"]:
            frame = hear(line, "Frame")
        assert frame["step"] > last["step"] + 100


def test_a_client_that_reads_nothing_does_not_fill_the_servers_memory(tiny: Path) -> None:
    with serving(data=tiny) as server, talking(server) as line:
        say(line, protocol.Open(link="n_embd=64&num_steps=100000"))
        hear(line, "Frame")
        say(line, protocol.Pace(0))
        say(line, protocol.Watch(["value:layer0.mlp_fc1", "grad:layer0.mlp_fc1"]))
        time.sleep(1)
        before = resident(server)
        time.sleep(1.5)
        assert resident(server) - before < 32 * 2**20


def test_another_host_demands_the_token_of_the_link(tiny: Path) -> None:
    with serving("--host", "0.0.0.0", data=tiny) as server:
        assert server.token
        assert server.get()[0] == 403
        assert server.get("/?token=wrong")[0] == 403
        with pytest.raises(InvalidStatus, match="403"), talking(server):
            pass
        status, _, headers = server.get(f"/?token={server.token}")
        assert (status, headers["location"]) == (307, "./")
        cookie = headers["set-cookie"].partition(";")[0]
        assert server.get(Cookie=cookie)[0] == 200
        assert server.get("/address")[0] == 403
        assert server.token in server.get("/address", Cookie=cookie)[1]
        with talking(server, additional_headers={"Cookie": cookie}) as line:
            say(line, protocol.Open(still=True))
            hear(line, "Hello")


@pytest.mark.parametrize("other", ["a/b=1", "a@b=1", 'x={"a": 1}', "x=a b", "flag"])
def test_cookies_of_other_programs_on_the_host_do_not_hide_the_token(other: str) -> None:
    policy = AccessPolicy(token="secret")
    answer = Response()
    policy.let_in(answer, "http")
    cookie = answer.headers["set-cookie"].partition(";")[0]
    headers = [(b"host", b"class.example"), (b"cookie", f"{other}; {cookie}".encode())]
    assert not policy.refuses(Connection({"type": "http", "headers": headers}))
    assert policy.refuses(Connection({"type": "http", "headers": headers[:1]}))


def test_a_second_request_of_a_connection_has_a_limit_of_time_too(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(listening, "PATIENCE", 0.2)

    async def app(_scope: Any, _receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 204, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    async def talk() -> bytes:
        config = uvicorn.Config(app, http=listening.Handshake, lifespan="off")
        config.load()
        state = uvicorn.server.ServerState()
        server = await asyncio.get_running_loop().create_server(
            lambda: listening.Handshake(config, state, {}), "127.0.0.1", 0
        )
        reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
        writer.write(b"GET / HTTP/1.1\r\nHost: here\r\n\r\n")
        assert b"204" in await reader.readuntil(b"\r\n\r\n")
        writer.write(b"GET / HTTP/1.1\r\n")
        left = await asyncio.wait_for(reader.read(), 4)  # uvicorn's own limit has ended by now
        writer.close()
        server.close()
        return left

    assert asyncio.run(talk()) == b""


def test_ctrl_c_ends_it_at_once_while_a_run_plays(tiny: Path) -> None:
    with serving(data=tiny) as server, talking(server) as line:
        say(line, protocol.Open())
        hear(line, "Frame")
        began = time.monotonic()
        server.process.send_signal(signal.SIGINT)
        server.process.wait(timeout=10)
        assert time.monotonic() - began < 3


def test_a_port_in_use_is_a_sentence(server: Served) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "glassgpt", "--no-open", "--port", str(server.port)],
        capture_output=True,
        text=True,
        check=False,
        timeout=20,
    )
    assert done.returncode == 1
    assert "cannot listen" in done.stderr


def test_a_link_whose_data_is_too_large_waits_for_its_file(server: Served) -> None:
    link = f"seed=5&n_embd=8&num_steps=9&step=4&draw=3&data=mine.txt&sha256={'0' * 64}&cut=words"
    with talking(server) as line:
        say(line, protocol.Open(link=link, still=True))
        hello = hear(line, "Hello")
        assert "mine.txt" in hello["notice"]
        waiting = hello["pending_link"]
        assert (waiting["config"]["seed"], waiting["config"]["n_embd"]) == (5, 8)
        assert (waiting["step"], waiting["sample_seed"], waiting["cut"]) == (4, 3, "words")
        say(line, protocol.Start(waiting["config"], "", "builtin"))
        hello = hear(line, "Hello")
        assert hello["pending_link"] is None
        assert not hello["notice"]
        assert hello["config"] == waiting["config"]
