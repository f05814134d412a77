"""Behind a reverse proxy, under a path of its own: the configuration that the guide gives."""

from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
import textwrap
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
from websockets.exceptions import InvalidStatus
from websockets.sync.client import ClientConnection, connect
from websockets.typing import Origin

from glassgpt.live import protocol
from glassgpt.server.app import STATIC
from tests.conftest import need
from tests.test_server import Served, hear, say, serving

GUIDE = Path(__file__).parents[1] / "docs" / "guides" / "troubleshooting.md"
HOST = "example.org"  # by which browsers know the proxy of the guide
ORIGIN = f"https://{HOST}"
NGINX = shutil.which("nginx", path=f"{os.environ.get('PATH', '')}:/usr/sbin") or ""
AROUND = """
daemon off; master_process off; pid nginx.pid; error_log stderr;
events {{ }}
http {{
    access_log off;
    client_body_temp_path body; proxy_temp_path proxy;
    fastcgi_temp_path fastcgi; uwsgi_temp_path uwsgi; scgi_temp_path scgi;
    server {{
        listen 127.0.0.1:{port};
        {location}
    }}
}}
"""


def given(pattern: str) -> str:
    """Return the one piece of the guide that is like this."""
    found = re.findall(pattern, GUIDE.read_text(encoding="utf-8"), re.M | re.S)
    assert len(found) == 1, f"the guide has {len(found)} of {pattern}"
    return textwrap.dedent(found[0])


def at_port(text: str, port: int) -> str:
    """Return a configuration for a server at this port instead of the guide's."""
    assert text.count("127.0.0.1:8000") == 1
    return text.replace("127.0.0.1:8000", f"127.0.0.1:{port}")


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port: int = one.getsockname()[1]
        return port


@contextmanager
def proxying(server: Served, port: int, folder: Path) -> Iterator[Served]:
    """Run nginx before a server."""
    configuration = folder / "nginx.conf"
    location = at_port(given(r"^    location /gpt/ \{.*?^    \}$"), server.port)
    configuration.write_text(AROUND.format(port=port, location=location))
    command = [NGINX, "-p", str(folder), "-c", str(configuration), "-e", "stderr"]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    proxy = Served(process, "127.0.0.1", port, path="/gpt/")
    try:
        _await(proxy)
        yield proxy
    finally:
        process.terminate()
        process.communicate(timeout=10)


def _await(proxy: Served) -> None:
    """Wait until it listens."""
    for _ in range(100):
        with suppress(ConnectionRefusedError), socket.create_connection((proxy.host, proxy.port)):
            return
        assert proxy.process.poll() is None, proxy.process.communicate()[1]
        time.sleep(0.05)
    raise AssertionError("nginx does not listen")


@contextmanager
def as_guided(folder: Path) -> Iterator[Served]:
    """Run a server and nginx before it, as the guide says."""
    need("" if NGINX else "there is no nginx (apt-get install nginx-light)")
    data = folder / "tiny.txt"
    data.write_text("ab\nba\nabba\nbaab\naab\n")
    options = given(rf"--port 8000 (--allow-origin {ORIGIN})$").split()
    with serving(*options, data=data) as server, proxying(server, free_port(), folder) as proxy:
        yield proxy


@pytest.fixture(scope="module")
def proxy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with as_guided(tmp_path_factory.mktemp("proxy")) as proxy:
        yield proxy


@contextmanager
def through(proxy: Served, origin: str) -> Iterator[ClientConnection]:
    """Open the socket of the page as a browser does that knows the proxy by its name."""
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
