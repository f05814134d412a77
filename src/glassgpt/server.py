"""The local server: the page at `/`, a socket at `/ws` to one run for each browser tab, `/healthz`.

It listens on this machine alone unless told otherwise; then only a link with its token opens the
page. Whatever a client sends, others do not notice: runs, messages, sizes and silence are bounded.
"""

from __future__ import annotations

import asyncio
import secrets
import socket
import threading
import time
import webbrowser
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from http.cookies import SimpleCookie
from ipaddress import ip_address
from pathlib import Path

import uvicorn
from starlette.applications import Starlette
from starlette.requests import HTTPConnection, Request
from starlette.responses import HTMLResponse, PlainTextResponse, RedirectResponse, Response
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect

from glassgpt import protocol
from glassgpt.errors import ConfigError, GlassError, ProtocolError
from glassgpt.player import Player
from glassgpt.proposal import Source
from glassgpt.runs import Run, Runs
from glassgpt.snapshot import Snapshot

STATIC = Path(__file__).parent / "static"
FIRST_WORD = 10  # seconds in which a client has to say what it wants
RATE = 300  # messages a second, in the long run
MAX_MISTAKES = 20  # messages that are no commands before the line is cut
POLICY, TAKEN_OVER = 1008, 4001  # WebSocket close codes
TYPES = {
    ".js": "text/javascript",
    ".css": "text/css",
    ".woff2": "font/woff2",
    ".woff": "font/woff",
    ".svg": "image/svg+xml",
}
HEADERS = {
    "Content-Security-Policy": "default-src 'self'; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data: blob:; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}
NOT_BUILT = (
    "<!doctype html><title>GlassGPT</title><p>The page is not built yet. In the source tree run "
    "<code>npm ci &amp;&amp; npm run build</code> in <code>web/</code>, then load this again."
)


@dataclass(slots=True)
class Gate:
    """Who may come in: hosts by name, or with a token anyone who has it."""

    hosts: frozenset[str]
    token: str = ""
    address: str = ""  # the link that opens it

    def refuses(self, connection: HTTPConnection) -> str:
        """Return why a connection may not come in, or nothing."""
        host = connection.headers.get("host", "")
        if not self.token and _name(host) not in self.hosts:
            return f"this server does not answer for the host {host!r}"
        origin = connection.headers.get("origin")
        if origin is not None and origin.partition("://")[2] != host:
            return f"a page from {origin!r} may not talk to this server"
        if self.token and not secrets.compare_digest(_cookie(connection), self.token):
            return "this page opens with the link that the server printed when it started"
        return ""


def _name(host: str) -> str:
    return host.rpartition(":")[0] if host.rpartition(":")[2].isdigit() else host


def _cookie(connection: HTTPConnection) -> str:
    found = SimpleCookie(connection.headers.get("cookie", "")).get("glassgpt")
    return found.value if found is not None and found.value.isascii() else ""


class Shelf:
    """The files of the page, read once: a first picture waits for each of them."""

    def __init__(self) -> None:
        self._kept: dict[str, bytes] = {}
        self._names = {
            path.relative_to(STATIC).as_posix(): path
            for path in STATIC.rglob("*")
            if path.suffix in TYPES
        }

    def give(self, name: str) -> Response:
        """Return the file; what its name tells of its content holds for ever."""
        path = self._names.get(name)
        if path is None:
            return PlainTextResponse("there is no such file", 404)
        if name not in self._kept:
            self._kept[name] = path.read_bytes()
        age = "max-age=31536000, immutable" if name.startswith("assets/") else "no-cache"
        return Response(
            self._kept[name], media_type=TYPES[path.suffix], headers={"Cache-Control": age}
        )


def create_app(runs: Runs, gate: Gate) -> Starlette:
    """Return the application."""
    shelf = Shelf()

    async def index(request: Request) -> Response:
        given = request.query_params.get("token", "")
        if gate.token and given.isascii() and secrets.compare_digest(given, gate.token):
            answer: Response = RedirectResponse("/", headers=HEADERS)  # a browser keeps the hash
            answer.set_cookie("glassgpt", gate.token, httponly=True, samesite="strict")
            return answer
        reason = gate.refuses(request)
        if reason:
            return PlainTextResponse(reason, 403)
        page = STATIC / "index.html"
        text = page.read_text("utf-8") if page.exists() else NOT_BUILT
        return HTMLResponse(text, headers={**HEADERS, "Cache-Control": "no-cache"})

    async def icon(_request: Request) -> Response:
        return shelf.give("icon.svg")

    async def asset(request: Request) -> Response:
        return shelf.give(f"assets/{request.path_params['name']}")

    async def health(_request: Request) -> Response:
        return PlainTextResponse("ok")

    async def address(request: Request) -> Response:
        """Tell a page that has come in how others do."""
        reason = gate.refuses(request)
        if reason:
            return PlainTextResponse(reason, 403)
        return PlainTextResponse(gate.address, headers={**HEADERS, "Cache-Control": "no-store"})

    async def talk(websocket: WebSocket) -> None:
        if gate.refuses(websocket):
            await websocket.close(POLICY)  # before it is accepted: a plain 403
            return
        await websocket.accept()
        with suppress(WebSocketDisconnect, RuntimeError):  # gone, or closed by another tab's claim
            await converse(websocket, runs)

    @asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[None]:
        sweeper = asyncio.create_task(runs.sweep())
        runs.prepare()
        yield
        sweeper.cancel()
        await runs.end_all()

    return Starlette(
        routes=[
            Route("/", index),
            Route("/healthz", health),
            Route("/icon.svg", icon),
            Route("/address", address),
            WebSocketRoute("/ws", talk),
            Route("/assets/{name}", asset),
        ],
        lifespan=lifespan,
    )


async def converse(websocket: WebSocket, runs: Runs) -> None:
    """Connect a client to its run until it goes, breaks the rules, or another tab claims it."""
    run = await _first_word(websocket, runs)
    if run is None:
        return
    if run.client is not None:
        with suppress(RuntimeError):
            await run.client.close(TAKEN_OVER, "this run is shown in another tab now")
    run.client = websocket

    async def send(frame: bytes) -> None:
        with suppress(WebSocketDisconnect, RuntimeError):  # it is gone; `_listen` hears of it too
            await websocket.send_bytes(frame)

    run.player.attach(send)
    try:
        await _listen(websocket, run.player)
    finally:
        run.player.detach(send)
        if run.client is websocket:
            run.client, run.seen = None, time.monotonic()


async def _first_word(websocket: WebSocket, runs: Runs) -> Run | None:
    try:
        command, _ = await asyncio.wait_for(_receive(websocket), FIRST_WORD)
        if not isinstance(command, protocol.Open):
            raise ProtocolError(f"the first command must be Open, not {type(command).__name__}")
        return await runs.open(command)
    except TimeoutError:
        await websocket.close(POLICY, "nothing was said")
    except GlassError as error:
        await _refuse(websocket, error)
        await websocket.close(POLICY, "no run could be opened")
    return None


async def _listen(websocket: WebSocket, player: Player) -> None:
    allowance, then, mistakes = float(RATE), time.monotonic(), 0
    while True:
        try:
            command, payload = await _receive(websocket)
            now = time.monotonic()
            allowance, then = min(RATE, allowance + RATE * (now - then)) - 1, now
            if allowance < 0:
                await _refuse(websocket, ProtocolError("too many messages", "load the page again"))
                await websocket.close(POLICY, "too many messages")
                return
            player.tell(command, payload)
        except ProtocolError as error:
            mistakes += 1
            await _refuse(websocket, error)
            if mistakes >= MAX_MISTAKES:
                await websocket.close(POLICY, "too many messages that are no commands")
                return


async def _receive(websocket: WebSocket) -> tuple[protocol.Command, bytes | None]:
    message = await websocket.receive()
    if message["type"] == "websocket.disconnect":
        raise WebSocketDisconnect(message.get("code", 1000))
    text = message.get("text")
    return protocol.decode_command(text if text is not None else message["bytes"])


async def _refuse(websocket: WebSocket, error: GlassError) -> None:
    await websocket.send_bytes(protocol.encode_event(protocol.Refused("", error.what, error.hint)))


def serve(
    source: Source,
    *,
    snapshot: Snapshot | None = None,
    host: str = "127.0.0.1",
    port: int = 0,
    show: bool = True,
    say: Callable[[str], None] = print,
) -> None:
    """Serve the page until interrupted; `show` opens it in a browser, `say` prints its address."""
    try:
        listener = socket.create_server(
            (host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET
        )
    except OSError as error:
        raise ConfigError(
            f"the server cannot listen on {host} port {port}: {error.strerror}",
            "leave --port out to take a free one",
        ) from None
    gate = Gate(frozenset({"127.0.0.1", "localhost", "[::1]", "::1", host}))
    if not _is_loopback(host):
        gate.token = secrets.token_urlsafe(16)
    gate.address = _address(host, listener.getsockname()[1], gate.token)
    say(f"GlassGPT is at {gate.address}")
    say("Ctrl-C ends it.")
    config = uvicorn.Config(
        create_app(Runs(source, snapshot), gate),
        log_level="warning",
        access_log=False,
        server_header=False,
        ws_per_message_deflate=False,  # it doubles the server's CPU for numbers that do not shrink
        ws_max_size=protocol.MAX_UPLOAD + protocol.MAX_COMMAND,
        timeout_graceful_shutdown=2,
    )
    if show:
        _open_soon(gate.address)
    with suppress(KeyboardInterrupt):
        uvicorn.Server(config).run(sockets=[listener])


def _open_soon(address: str) -> None:
    """Open the browser; the listener already queues its connection until the server answers."""
    threading.Thread(target=webbrowser.open, args=(address,), daemon=True).start()


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _address(host: str, port: int, token: str) -> str:
    shown = socket.gethostname() if host in ("0.0.0.0", "::") else host
    shown = f"[{shown}]" if ":" in shown else shown
    return f"http://{shown}:{port}/" + (f"?token={token}" if token else "")
