"""Where the server listens, and how long it waits for a request. It knows no page and no run."""

from __future__ import annotations

import asyncio
import errno
import os
import socket
from typing import ClassVar

from uvicorn.protocols.http.h11_impl import H11Protocol

from glassgpt.errors import ConfigError

PATIENCE = 10  # seconds in which a client has to send a whole request
MAX_WAITING = 200  # connections whose request is not complete
HINTS = {
    errno.EADDRINUSE: "leave --port out to take a free one",
    errno.EACCES: "choose a port of 1024 or above, or leave --port out to take a free one",
    errno.EADDRNOTAVAIL: "give an address of this machine: 127.0.0.1, or 0.0.0.0 for all of them",
}
NO_HOST = "give an address or a name of this machine: 127.0.0.1, or 0.0.0.0 for all of them"


def listen(host: str, port: int) -> socket.socket:
    """Return a socket that listens; at `::` to IPv4 too, where the system can.

    Raises `ConfigError`.
    """
    if not host:
        raise ConfigError("--host is empty", NO_HOST)
    six = ":" in host
    try:
        return socket.create_server(
            (host, port),
            family=socket.AF_INET6 if six else socket.AF_INET,
            dualstack_ipv6=host == "::" and socket.has_dualstack_ipv6(),
        )
    except OSError as error:
        reason, hint = _why(error)
        raise ConfigError(
            f"the server cannot listen on {host} port {port}: {reason}", hint
        ) from None


def _why(error: OSError) -> tuple[str, str]:
    if isinstance(error, socket.gaierror) or error.errno is None:
        return str(error.strerror or error), NO_HOST
    return os.strerror(error.errno), HINTS.get(error.errno, NO_HOST)


class Handshake(H11Protocol):
    """HTTP; a client that does not send a whole request in time is closed."""

    waiting: ClassVar[dict[Handshake, asyncio.TimerHandle]] = {}  # in the order they came

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin to wait; where too many do, the one that has waited longest is closed."""
        super().connection_made(transport)
        if len(self.waiting) >= MAX_WAITING:
            next(iter(self.waiting)).give_up()
        self.waiting[self] = self.loop.call_later(PATIENCE, self.give_up)

    def data_received(self, data: bytes) -> None:
        """Stop to wait once the request is complete."""
        super().data_received(data)
        if self.cycle is not None or self.transport.get_protocol() is not self:  # a WebSocket now
            self._stop_waiting()

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop to wait."""
        self._stop_waiting()
        super().connection_lost(exc)

    def give_up(self) -> None:
        """Close the connection."""
        self._stop_waiting()
        self.transport.close()

    def _stop_waiting(self) -> None:
        if timer := self.waiting.pop(self, None):
            timer.cancel()
