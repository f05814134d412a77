"""The local server: the page at `/`, a socket at `/ws` to one run for each browser tab, `/healthz`.

It listens on this machine alone unless told otherwise; then only a link with its token opens the
page. Whatever a client sends, others do not notice: runs, messages, sizes and silence are bounded.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
import socket
import threading
import time
import webbrowser
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field, replace
from http.cookies import SimpleCookie
from ipaddress import ip_address
from pathlib import Path
from typing import TypeVar

import uvicorn
from starlette.applications import Starlette
from starlette.requests import HTTPConnection, Request
from starlette.responses import HTMLResponse, PlainTextResponse, RedirectResponse, Response
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect

from glassgpt import protocol
from glassgpt.config import Sampling
from glassgpt.data import fingerprint, split_documents
from glassgpt.errors import ConfigError, EngineError, GlassError, ProtocolError
from glassgpt.exhibit import Exhibit, Source, check_sampling
from glassgpt.link import Experiment, read_link
from glassgpt.player import Player
from glassgpt.snapshot import Snapshot

STATIC = Path(__file__).parent / "static"
MAX_RUNS = 32
IDLE = 15 * 60  # seconds that a run is kept for when nobody looks at it
FIRST_WORD = 10  # seconds in which a client has to say what it wants
RATE = 300  # messages a second, in the long run
MAX_MISTAKES = 20  # messages that are no commands before the line is cut
POLICY, DIED, TAKEN_OVER = 1008, 1011, 4001  # WebSocket close codes
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

Result = TypeVar("Result")


class Threads:
    """The host of a player here: work goes to a thread."""

    async def work(self, job: Callable[[], Result]) -> Result:
        """Run a job without holding up the others."""
        return await asyncio.to_thread(job)

    async def pause(self) -> None:
        """Let the others run."""
        await asyncio.sleep(0)  # harmless here: this loop serves sockets and timers in turn


@dataclass(slots=True)
class Run:
    """A player that is alive, and the socket that listens to it."""

    player: Player
    task: asyncio.Task[None]
    seen: float = field(default_factory=time.monotonic)
    client: WebSocket | None = None


class Runs:
    """All runs of this server, by name."""

    def __init__(self, source: Source, snapshot: Snapshot | None = None) -> None:
        self._source = source
        self._snapshot = snapshot
        self._runs: dict[str, Run] = {}
        self._closing: set[asyncio.Future[None]] = set()
        self._first: asyncio.Task[Exhibit] | None = None

    def prepare(self) -> None:
        """Make the run of the first tab while its browser starts."""
        if self._snapshot is None:
            self._first = asyncio.create_task(asyncio.to_thread(lambda: Exhibit(self._source)))

    async def open(self, request: protocol.Open) -> Run:
        """Return the run that is asked for, or a new one."""
        known = self._runs.get(request.run)
        if known is not None and not known.task.done():
            return known
        self._make_room()
        name = secrets.token_urlsafe(12)
        player = await self._new_player(name, request)
        run = Run(player, asyncio.create_task(player.run_forever(), name=f"run {name}"))
        run.task.add_done_callback(lambda task: self._died(run, task))
        self._runs[name] = run
        return run

    async def _new_player(self, name: str, request: protocol.Open) -> Player:
        notice, experiment = "", Experiment()
        try:
            experiment = read_link(request.link)
            exhibit = await self._prepared(experiment)
            sampling = experiment.sampling
            values = {n: getattr(sampling, n) for n in type(sampling).__dataclass_fields__}
            exhibit.sampling = check_sampling(values, exhibit)
            exhibit.sample_seed = experiment.sample_seed
        except GlassError as error:
            notice, experiment = str(error), Experiment()
            exhibit = await asyncio.to_thread(lambda: Exhibit(self._source))
        player = Player(name, exhibit, Threads())
        player.notice = notice
        if experiment.step is not None:
            player.tell(protocol.Seek(experiment.step))
        elif not request.still and exhibit.session.steps_left:
            player.tell(protocol.Play())
        return player

    async def _prepared(self, experiment: Experiment) -> Exhibit:
        """Return the run that was made ready, where it is the one that is asked for, or another."""
        first, self._first = self._first, None
        asked = replace(experiment, step=None, sampling=Sampling(), sample_seed=None, others={})
        if first is not None and asked == Experiment():
            return await first
        return await asyncio.to_thread(lambda: self._exhibit(experiment))

    def _exhibit(self, experiment: Experiment) -> Exhibit:
        source = self._source
        if experiment.documents:
            name = experiment.data_name
            source = Source(name, tuple(split_documents(experiment.documents.encode(), name)))
        elif experiment.data_sha256 and experiment.data_sha256 != fingerprint(source.documents):
            raise ConfigError(
                f"the link's run learned from {experiment.data_name!r}, which is too large to "
                "travel in a link",
                "choose that file under set-up; the other settings are in the link",
            )
        if self._snapshot is not None and experiment == Experiment():
            return Exhibit(source, self._snapshot.config, snapshot=self._snapshot)
        return Exhibit(source, experiment.config, experiment.engine)

    def _died(self, run: Run, task: asyncio.Task[None]) -> None:
        """Say why a run died of a fault of ours, and let its page ask for another."""
        if task.cancelled() or task.exception() is None:
            return
        logging.getLogger(__name__).error("a run died", exc_info=task.exception())
        if run.client is not None:
            self._closing.add(closing := asyncio.ensure_future(run.client.close(DIED)))
            closing.add_done_callback(self._closing.discard)

    def _make_room(self) -> None:
        if len(self._runs) < MAX_RUNS:
            return
        idle = [(run.seen, name) for name, run in self._runs.items() if run.client is None]
        if not idle:
            raise EngineError(
                f"{MAX_RUNS} runs are open on this server, which is as many as it takes",
                "close one of their tabs",
            )
        self._end(min(idle)[1])

    def _end(self, name: str) -> None:
        self._runs.pop(name).task.cancel()

    async def sweep(self) -> None:
        """End the runs that nobody looks at, for ever."""
        while True:
            await asyncio.sleep(IDLE / 15)
            now = time.monotonic()
            for name, run in list(self._runs.items()):
                if run.task.done() or (run.client is None and now - run.seen > IDLE):
                    self._end(name)

    async def end_all(self) -> None:
        """End every run."""
        tasks = [run.task for run in self._runs.values()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


@dataclass(slots=True)
class Gate:
    """Who may come in: hosts by name, or with a token anyone who has it."""

    hosts: frozenset[str]
    token: str = ""

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


async def _receive(websocket: WebSocket) -> tuple[protocol.Command, bytes]:
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
    address = _address(host, listener.getsockname()[1], gate.token)
    say(f"GlassGPT is at {address}")
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
        _open_soon(address)
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
