"""The listening socket, and the time limit of a request. Independent of pages and runs."""

from __future__ import annotations

import asyncio
import errno
import os
import re
import socket
from contextlib import suppress
from ipaddress import ip_address
from typing import ClassVar
from urllib.parse import urlsplit

from uvicorn.protocols.http.h11_impl import H11Protocol

from glassgpt.errors import ConfigError

PATIENCE = 10  # seconds within which a client must send a whole request
MAX_WAITING = 200  # connections whose request is not complete
HINTS = {
    errno.EADDRINUSE: "omit --port to use a free one",
    errno.EACCES: "choose a port of 1024 or above, or omit --port to use a free one",
    errno.EADDRNOTAVAIL: "give an address of this machine: 127.0.0.1, or 0.0.0.0 for all of them",
}
NO_HOST = "give an address or a name of this machine: 127.0.0.1, or 0.0.0.0 for all of them"


def listen(host: str, port: int) -> socket.socket:
    """Return a listening socket; at `::` it accepts IPv4 too, if the system supports that.

    Raises `ConfigError`.
    """
    _check_host(host)
    six = ":" in host
    try:
        return socket.create_server(
            (host, port),
            family=socket.AF_INET6 if six else socket.AF_INET,
            dualstack_ipv6=host == "::" and socket.has_dualstack_ipv6(),
        )
    except OSError as error:
        reason, hint = _why(error)
        where = f"{host!r} port {port}" if port else repr(host)
        raise ConfigError(f"the server cannot listen on {where}: {reason}", hint) from None


def _check_host(host: str) -> None:
    """Raise `ConfigError` unless `host` is one address or one name and nothing else."""
    with suppress(ValueError):
        ip_address(host)
        return
    if not re.fullmatch(r"(?=.*[^\W\d])[\w.-]+", host):  # a number alone is not a name
        raise ConfigError(
            f"--host takes an address or a name of this machine, which {host!r} is not",
            _meant(host),
        )


def _meant(host: str) -> str:
    """Return what to write instead of a host with a scheme, a port or brackets."""
    if not host.isprintable():  # urlsplit drops line ends
        return NO_HOST
    try:
        parts = urlsplit(host if "//" in host else f"//{host}")
        name, port = parts.hostname, parts.port
        _check_host(name or "")
    except (ValueError, ConfigError, RecursionError):
        return NO_HOST
    return f"write --host {name}" + (f" --port {port}" if port else "")


def _why(error: OSError) -> tuple[str, str]:
    if error.errno is None or error.errno < 0:  # of getaddrinfo
        return "no address is known for that name", NO_HOST
    return os.strerror(error.errno), HINTS.get(error.errno, NO_HOST)


class Handshake(H11Protocol):
    """HTTP; closes the connection of a client that does not send a whole request in time."""

    waiting: ClassVar[dict[Handshake, asyncio.TimerHandle]] = {}  # in the order they came

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin to wait for the first request."""
        super().connection_made(transport)
        self._wait()

    def data_received(self, data: bytes) -> None:
        """Wait while a request is incomplete, whether or not it is the first of its connection."""
        super().data_received(data)
        answering = self.cycle is not None and not self.cycle.response_complete
        if answering or self.transport.get_protocol() is not self:  # a WebSocket now
            self._stop_waiting()
        elif self not in self.waiting:
            self._wait()

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop waiting."""
        self._stop_waiting()
        super().connection_lost(exc)

    def give_up(self) -> None:
        """Close the connection."""
        self._stop_waiting()
        self.transport.close()

    def _wait(self) -> None:
        """Begin to wait; if too many connections wait, close the one that has waited longest."""
        if len(self.waiting) >= MAX_WAITING:
            next(iter(self.waiting)).give_up()
        self.waiting[self] = self.loop.call_later(PATIENCE, self.give_up)

    def _stop_waiting(self) -> None:
        if timer := self.waiting.pop(self, None):
            timer.cancel()
