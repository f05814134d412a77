"""Behind a reverse proxy, under a path of its own: the configuration that the guide gives."""

from __future__ import annotations

import re
import socket
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from websockets.exceptions import InvalidStatus
from websockets.sync.client import ClientConnection, connect
from websockets.typing import Origin

from glassgpt.live import protocol
from glassgpt.server.app import STATIC
from tests.conftest import need
from tests.support.proxy import (
    HOST,
    ORIGIN,
    as_guided,
)
from tests.support.serving import Served, hear, say


@pytest.fixture(scope="module")
def proxy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with as_guided(tmp_path_factory.mktemp("proxy")) as proxy:
        yield proxy


@contextmanager
def through(proxy: Served, origin: str) -> Iterator[ClientConnection]:
    """Open the socket of the page like a browser that uses the proxy's name."""
    raw = socket.create_connection((proxy.host, proxy.port))
    with connect(
        f"ws://{HOST}{proxy.path}ws", sock=raw, origin=Origin(origin), max_size=None
    ) as line:
        yield line


def test_the_page_and_all_that_it_names_come_through_the_proxy(proxy: Served) -> None:
    built = (STATIC / "index.html").exists()
    need("" if built else "the page is not built (npm ci && npm run build in web/)")
    status, text, _ = proxy.get("/gpt/", Host=HOST)
    assert status == 200
    named = re.findall(r'(?:src|href)="([^"]+)"', text)
    assert any(name.endswith(".js") for name in named)
    for name in named:
        assert not name.startswith(("/", "http")), f"{name} leads out of the path"
        assert proxy.get(f"/gpt/{name.removeprefix('./')}", Host=HOST)[0] == 200, name


def test_outside_its_path_the_proxy_shows_nothing(proxy: Served) -> None:
    assert proxy.get("/healthz", Host=HOST)[0] == 404
    assert proxy.get("/gpt/healthz", Host=HOST)[:2] == (200, "ok")


def test_a_run_plays_through_the_proxy(proxy: Served) -> None:
    with through(proxy, ORIGIN) as line:
        say(line, protocol.Open())
        while hear(line, "Frame")["step"] < 20:
            pass


def test_a_page_of_another_origin_does_not_come_through_the_proxy(proxy: Served) -> None:
    with pytest.raises(InvalidStatus, match="403"), through(proxy, "https://evil.example"):
        pass
