"""The local server: the page at `/`, a socket at `/ws` to one run for each browser tab, `/healthz`.

It binds to loopback by default; with any other address, only a link with its token opens the page.
A client cannot disturb others: the number of runs and messages, sizes and idle times have limits.
"""

from __future__ import annotations

import asyncio
import socket
import threading
import time
import webbrowser
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, RedirectResponse, Response
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect

from glassgpt.errors import GlassError, ProtocolError
from glassgpt.live import protocol
from glassgpt.live.new_run import Source
from glassgpt.live.opening import open_link
from glassgpt.server.access import AccessPolicy, access_policy_for, bracketed
from glassgpt.server.listening import Handshake, listen
from glassgpt.server.runs import Run, Runs
from glassgpt.server.worker import POLICY, Kind
from glassgpt.training.snapshot import Snapshot

STATIC = Path(__file__).parents[1] / "static"
BEAT = 5  # seconds between two heartbeats
CLOSING = 1  # seconds within which a page must receive its last message
FIRST_WORD = 10  # seconds within which a client must send its first command
RATE = 300  # messages a second, in the long run
TYPES = {
    ".js": "text/javascript",
    ".css": "text/css",
    ".woff2": "font/woff2",
    ".woff": "font/woff",
    ".svg": "image/svg+xml",
}
NOT_BUILT = (
    "<!doctype html><title>GlassGPT</title><p>The page is not built yet. In the source tree run "
    "<code>npm ci &amp;&amp; npm run build</code> in <code>web/</code>, then load this again."
)


class StaticFiles:
    """The files of the page, read once: the first paint waits for each of them."""

    def __init__(self) -> None:
        self._kept: dict[str, bytes] = {}
        self._names = {
            path.relative_to(STATIC).as_posix(): path
            for path in STATIC.rglob("*")
            if path.suffix in TYPES
        }

    def give(self, name: str) -> Response:
        """Return the file; one with a hash of its content in its name is cached for ever."""
        path = self._names.get(name)
        if path is None:
            return PlainTextResponse("there is no such file", 404)
        if name not in self._kept:
            self._kept[name] = path.read_bytes()
        age = "max-age=31536000, immutable" if name.startswith("assets/") else "no-cache"
        return Response(
            self._kept[name], media_type=TYPES[path.suffix], headers={"Cache-Control": age}
        )


def create_app(runs: Runs, policy: AccessPolicy) -> Starlette:
    """Return the application."""
    static_files = StaticFiles()

    async def index(request: Request) -> Response:
        if policy.opens(request.query_params.get("token", "")):
            answer: Response = RedirectResponse("./", headers=policy.headers)  # the hash is kept
            policy.let_in(answer, request.url.scheme)
            return answer
        reason = policy.refuses(request)
        if reason:
            return PlainTextResponse(reason, 403)
        page = STATIC / "index.html"
        text = page.read_text("utf-8") if page.exists() else NOT_BUILT
        return HTMLResponse(text, headers={**policy.headers, "Cache-Control": "no-cache"})

    async def icon(_request: Request) -> Response:
        return static_files.give("icon.svg")

    async def asset(request: Request) -> Response:
        return static_files.give(f"assets/{request.path_params['name']}")

    async def health(_request: Request) -> Response:
        return PlainTextResponse("ok")

    async def address(request: Request) -> Response:
        """Send an accepted page the link that lets others in."""
        reason = policy.refuses(request)
        if reason:
            return PlainTextResponse(reason, 403)
        return PlainTextResponse(
            policy.address, headers={**policy.headers, "Cache-Control": "no-store"}
        )

    async def talk(websocket: WebSocket) -> None:
        if policy.refuses(websocket):
            await websocket.close(POLICY)  # before it is accepted: a plain 403
            return
        await websocket.accept()
        # disconnected, or taken over by another tab, or its run has ended, or the server ends
        with suppress(WebSocketDisconnect, RuntimeError, ConnectionError, asyncio.CancelledError):
            await converse(websocket, runs)

    @asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[None]:
        sweeper = asyncio.create_task(runs.sweep())
        runs.prepare()
        yield
        sweeper.cancel()
        runs.end_all()

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


class Page:
    """The socket of a page; a disconnected page is noticed when messages are received."""

    def __init__(self, websocket: WebSocket) -> None:
        self._websocket = websocket

    async def send(self, frame: bytes) -> None:
        """Send a message."""
        with suppress(WebSocketDisconnect, RuntimeError):
            await self._websocket.send_bytes(frame)

    async def close(self, code: int, reason: str) -> None:
        """Close it, without waiting for a page that no longer receives."""
        with suppress(WebSocketDisconnect, RuntimeError, TimeoutError):
            async with asyncio.timeout(CLOSING):
                await self._websocket.close(code, reason)


async def converse(websocket: WebSocket, runs: Runs) -> None:
    """Connect a client to its run until it leaves, breaks a rule, or another tab takes the run."""
    run = await _first_word(websocket, runs)
    if run is None:
        return
    page, before = Page(websocket), run.client
    beats = asyncio.create_task(_beat(websocket))
    try:
        number = await run.attach(page)
        if before is not None:
            await before.close(protocol.TAKEN_OVER, "this run is shown in another tab now")
        await _listen(websocket, run, number)
    finally:
        beats.cancel()
        await run.detach(page)


async def _beat(websocket: WebSocket) -> None:
    """Send heartbeats, so that the page notices a connection that is silent but not closed."""
    with suppress(WebSocketDisconnect, RuntimeError):
        while True:
            await asyncio.sleep(BEAT)
            await websocket.send_text("")


async def _first_word(websocket: WebSocket, runs: Runs) -> Run | None:
    try:
        command, _ = protocol.decode_command(
            await asyncio.wait_for(_receive(websocket), FIRST_WORD)
        )
        if not isinstance(command, protocol.Open):
            raise ProtocolError(f"the first command must be Open, not {type(command).__name__}")
        return await runs.open(command)
    except TimeoutError:
        await websocket.close(POLICY, "no command was sent")
    except GlassError as error:
        await _refuse(websocket, error)
        await websocket.close(POLICY, "no run could be opened")
    return None


async def _listen(websocket: WebSocket, run: Run, page: int) -> None:
    """Send the run the page's messages, as fast as the run takes them."""
    allowance, then = float(RATE), time.monotonic()
    while True:
        said = await _receive(websocket)
        now = time.monotonic()
        allowance, then = min(RATE, allowance + RATE * (now - then)) - 1, now
        if allowance < 0:
            await _refuse(websocket, ProtocolError("too many messages", "load the page again"))
            await websocket.close(POLICY, "too many messages")
            return
        if isinstance(said, str):
            await run.say(Kind.TEXT, page, said.encode())
        else:
            await run.say(Kind.BYTES, page, said)


async def _receive(websocket: WebSocket) -> str | bytes:
    message = await websocket.receive()
    if message["type"] == "websocket.disconnect":
        raise WebSocketDisconnect(message.get("code", 1000))
    text: str | None = message.get("text")
    return text if text is not None else message["bytes"]


async def _refuse(websocket: WebSocket, error: GlassError) -> None:
    await websocket.send_bytes(protocol.encode_event(protocol.Refused("", error.what, error.hint)))


class Server(uvicorn.Server):
    """Ends the runs before it waits for the connections to them."""

    def __init__(self, config: uvicorn.Config, runs: Runs) -> None:
        super().__init__(config)
        self._runs = runs

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """End the runs, then close all connections."""
        self._runs.end_all()
        await super().shutdown(sockets)


def serve(
    source: Source,
    *,
    snapshot: Snapshot | None = None,
    host: str = "127.0.0.1",
    port: int = 0,
    allow_origin: tuple[str, ...] = (),
    allow_framing: tuple[str, ...] = (),
    show: bool = True,
    say: Callable[[str], None] = print,
) -> None:
    """Serve the page until interrupted; `show` opens it in a browser, `say` prints its address.

    Raises `ConfigError` if it cannot listen, `GlassError` if the run cannot be shown.
    """
    policy = access_policy_for(host, allow_origin, allow_framing)
    open_link("", source, snapshot)  # raises here what every tab would be refused with
    listener = listen(host, port)
    policy.address = _address(host, listener.getsockname()[1], policy.token)
    say(f"GlassGPT is at {policy.address}")
    say("Ctrl-C ends it.")
    runs = Runs(source, snapshot)
    config = uvicorn.Config(
        create_app(runs, policy),
        http=Handshake,
        log_level="warning",
        access_log=False,
        server_header=False,
        ws_per_message_deflate=False,  # it doubles the server's CPU for numbers that do not shrink
        ws_max_size=protocol.MAX_UPLOAD + protocol.MAX_COMMAND,
        timeout_graceful_shutdown=1,
    )
    if show:
        _open_soon(policy.address)
    with suppress(KeyboardInterrupt):
        Server(config, runs).run(sockets=[listener])


def _open_soon(address: str) -> None:
    """Open the browser; the listener already queues its connection until the server answers."""
    threading.Thread(target=webbrowser.open, args=(address,), daemon=True).start()


def _address(host: str, port: int, token: str) -> str:
    shown = socket.gethostname() if host in ("0.0.0.0", "::") else host
    return f"http://{bracketed(shown)}:{port}/" + (f"?token={token}" if token else "")
