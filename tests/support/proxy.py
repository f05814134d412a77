"""A server behind nginx, as in the guide."""

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

from tests.conftest import need
from tests.support.serving import Served, serving

GUIDE = Path(__file__).parents[2] / "docs" / "guides" / "troubleshooting.md"


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
    """Return the only code block of the guide that contains this text."""
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
    """Run a server and nginx before it, as in the guide."""
    need("" if NGINX else "there is no nginx (apt-get install nginx-light)")
    data = folder / "tiny.txt"
    data.write_text("ab\nba\nabba\nbaab\naab\n")
    options = given(rf"--port 8000 (--allow-origin {ORIGIN})$").split()
    with serving(*options, data=data) as server, proxying(server, free_port(), folder) as proxy:
        yield proxy
