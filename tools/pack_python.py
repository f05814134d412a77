"""Runs in Pyodide: finds what the browser's Python needs, and packs it as bytecode.

    node web/python.mjs IN OUT        as `tools/build_python.py` calls it

IN is on `sys.path`: the package, msgspec, the kernel, the examples of commands. OUT receives
two archives, the modules of the standard library that a run with every command has imported, and
everything of the package and of msgspec; and the file of `browser/first.py`.
"""

from __future__ import annotations

import asyncio
import json
import py_compile
import struct
import sys
import time
import zipfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

PATIENCE = 60  # seconds for the answer to one command
PACKAGES = ("glassgpt", "msgspec")
WITH_SOURCE = {"glassgpt/engines/scalar.py"}  # its lines are shown next to the numbers
SAVED = ("checkpoint", "weights", "log.jsonl", "log.csv", "script", "documents")
# files that are not text
NO_TEXTS = (b"\x89PNG\r\n\x1a\n", b"\0\1\2", b"\xe9t\xe9", b"\xff\xfe\xfd", b"a\0b\0", b" \n")
# not imported by the run, but by what Pyodide does before and after it, or in an error
ALSO = ("traceback", "zipfile", "shutil")
LIBRARY = Path("/lib/python314.zip")


class Line:
    """The page's end of the line: keeps the events and acknowledges them."""

    def __init__(self) -> None:
        self.events: list[dict[str, Any]] = []
        self.reason = ""

    def event(self, frame: bytes) -> None:
        """Keep an event."""
        (length,) = struct.unpack_from("<I", frame)
        self.events.append(json.loads(frame[4 : 4 + length]))

    def ended(self, reason: str) -> None:
        """Note that the run has ended."""
        self.reason = reason


async def play() -> None:
    """Play runs with every command, file and link, so that all modules are imported."""
    from tests.support.mutations import EXAMPLES

    from glassgpt.data.documents import MARKS
    from glassgpt.live import protocol
    from glassgpt.training.link import Experiment, write_link
    from glassgpt.training.recipe import Recipe

    engines = [(protocol.Start({"num_steps": 30}, engine, "builtin", play=True), None)
               for engine in ("scalar", "fast")]  # fmt: skip
    saves = [(protocol.Save(what), None) for what in SAVED]
    files = [*("abé".encode(encoding) for encoding in MARKS.values()), *NO_TEXTS]
    texts = [(protocol.Consider({}, "", "sent", "a.txt"), octets) for octets in files]
    opened = [command for command, _ in EXAMPLES if isinstance(command, protocol.Open)]
    unanswered = protocol.Open, protocol.Ack
    others = [one for one in EXAMPLES if not isinstance(one[0], unanswered)]
    own = write_link(Experiment(Recipe(data_name="a.txt"), documents="ab\nba"))
    for link in [*(command.link for command in opened), own, own[:-1]]:
        await _played(link, [])
    await _played("", [*engines, *others, *saves, *texts])


async def _played(link: str, said: list[tuple[Any, bytes | None]]) -> None:
    """Play the run of a link, with these commands and files."""
    from tests.support.mutations import message

    from glassgpt.browser.worker import begin
    from glassgpt.live import protocol
    from glassgpt.live.host import Bell

    async def pause() -> None:
        await asyncio.sleep(0.001)

    async def sleep(seconds: float) -> bool:
        return await bell.sleep(seconds if seconds >= 0 else None)

    bell, line = Bell(), Line()
    worker = begin(pause, sleep, bell.wake, line)
    worker.hear(json.dumps({"kind": "Open", "run": "", "link": link, "still": True}))
    life = asyncio.ensure_future(worker.live())
    for number, (command, file) in enumerate([(protocol.Seek(2), None), *said], start=1):
        fields = {name: getattr(command, name) for name in command.__struct_fields__}
        sent = message({**fields, "kind": type(command).__name__, "id": number}, file)
        worker.hear(sent if isinstance(sent, str) else memoryview(sent))
        await _answered(worker, line, number)
    life.cancel()
    if line.reason:
        raise SystemExit(f"the run ended: {line.reason}")


async def _answered(worker: Any, line: Line, number: int) -> None:
    """Wait for the answer, and draw what comes meanwhile."""
    end = time.monotonic() + PATIENCE
    while not any(e["kind"] == "Done" and e["to"] == number for e in line.events):
        if time.monotonic() > end:
            raise SystemExit(f"command {number} has no answer; the last event: {line.events[-1]}")
        seen = [event["seq"] for event in line.events if "seq" in event]
        if seen:
            worker.hear(json.dumps({"kind": "Ack", "seq": seen[-1]}))
        await asyncio.sleep(0.001)


def used() -> Iterator[str]:
    """Yield the files of the standard library, in its archive, that have been imported."""
    for name in ALSO:
        __import__(name)
    for module in [*sys.modules.values()]:
        path = getattr(getattr(module, "__spec__", None), "origin", None) or ""
        if path.startswith(f"{LIBRARY}/"):
            yield path.removeprefix(f"{LIBRARY}/")


def pack(out: Path, files: Iterable[tuple[str, bytes]]) -> None:
    """Write an archive: modules as bytecode without docstrings, other files as they are."""
    with zipfile.ZipFile(out, "w", zipfile.ZIP_STORED) as archive:  # gzip comes after it
        for name, content in sorted(files):
            if name.endswith(".py"):
                _write(archive, f"{name}c", bytecode(name, content))
            if not name.endswith(".py") or name in WITH_SOURCE:
                _write(archive, name, content)


def bytecode(name: str, source: bytes) -> bytes:
    """Return a module as bytecode that is loaded without a look at its source."""
    module = Path("/tmp/module.py")
    module.write_bytes(source)
    unchecked = py_compile.PycInvalidationMode.UNCHECKED_HASH
    compiled = module.with_suffix(".pyc")
    py_compile.compile(
        str(module), str(compiled), name, doraise=True, optimize=2, invalidation_mode=unchecked
    )
    return compiled.read_bytes()


def _write(archive: zipfile.ZipFile, name: str, content: bytes) -> None:
    archive.writestr(zipfile.ZipInfo(name), content)  # without a time: the same bytes each time


def standard_library() -> Iterator[tuple[str, bytes]]:
    """Yield the modules that the run needs."""
    with zipfile.ZipFile(LIBRARY) as archive:
        for name in sorted(set(used())):
            yield name, archive.read(name)


def packages(folder: Path) -> Iterator[tuple[str, bytes]]:
    """Yield the files of the package and of msgspec."""
    for package in PACKAGES:
        for path in sorted((folder / package).rglob("*")):
            if path.is_file() and "__pycache__" not in path.parts:
                yield path.relative_to(folder).as_posix(), path.read_bytes()


async def main(inside: str, outside: str) -> None:
    """Pack what is in the folder `inside` into the folder `outside`."""
    sys.path.insert(0, inside)
    sys.dont_write_bytecode = True
    await play()
    from glassgpt.browser.first import first_steps

    (Path(outside) / "first.bin").write_bytes(first_steps())
    pack(Path(outside) / "library.zip", standard_library())
    pack(Path(outside) / "packages.zip", packages(Path(inside)))
