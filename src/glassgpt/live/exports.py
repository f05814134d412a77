"""Files of a run to download: checkpoint, weights, documents, log, script."""

from __future__ import annotations

import json
import struct
from collections.abc import Callable, Iterator, Mapping

from glassgpt.arrays import ITEMSIZE, Array, shape
from glassgpt.errors import ConfigError
from glassgpt.live.saved_script import as_lines, documents_name, script
from glassgpt.live.workspace import Workspace
from glassgpt.training.snapshot import to_bytes


def file(workspace: Workspace, what: str) -> tuple[str, str, bytes]:
    """Return the name, the media type and the bytes of a file of the run at its position."""
    makers: dict[str, tuple[str, str, Callable[[Workspace], bytes]]] = {
        "checkpoint": (".safetensors", "application/octet-stream", _checkpoint),
        "weights": ("-weights.safetensors", "application/octet-stream", _weights),
        "documents": (".txt", "text/plain", _documents),
        "log.jsonl": ("-log.jsonl", "application/x-ndjson", _jsonl),
        "log.csv": ("-log.csv", "text/csv", _csv),
        "script": (".py", "text/x-python", script),
    }
    if what not in makers:
        raise ConfigError(f"there is no file {what!r}", f"choose one of: {', '.join(makers)}")
    ending, kind, make = makers[what]
    session = workspace.session
    name = f"glassgpt-seed{session.config.seed}-step{session.step}{ending}"
    if what == "documents":  # which do not depend on the position
        name = documents_name(session)
    return name, kind, make(workspace)


def _checkpoint(workspace: Workspace) -> bytes:
    return to_bytes(workspace.session.snapshot())


def _weights(workspace: Workspace) -> bytes:
    return tensors(workspace.session.engine.state().params)


def _documents(workspace: Workspace) -> bytes:
    return as_lines(workspace.tools.source.documents)


def _log(workspace: Workspace) -> Iterator[tuple[int, str, float, float]]:
    for i in range(workspace.history.begin, workspace.session.step):
        document = workspace.session.document(i)
        yield i + 1, document, workspace.history.losses[i], workspace.history.rates[i]


def _jsonl(workspace: Workspace) -> bytes:
    lines = (
        json.dumps({"step": s, "doc": d, "loss": loss, "lr": rate}, ensure_ascii=False)
        for s, d, loss, rate in _log(workspace)
    )
    return "".join(f"{line}\n" for line in lines).encode()


def _csv(workspace: Workspace) -> bytes:
    rows = (
        f'{s},"{d.replace(chr(34), chr(34) * 2)}",{x!r},{r!r}' for s, d, x, r in _log(workspace)
    )
    return "".join(f"{row}\n" for row in ("step,document,loss,learning_rate", *rows)).encode()


def tensors(arrays: Mapping[str, Array]) -> bytes:
    """Return `arrays` as a plain safetensors file, with nothing else in it."""
    head, offset = {}, 0
    for name, a in arrays.items():
        span = [offset, offset + a.nbytes]
        head[name] = {"dtype": "F64", "shape": list(shape(a)), "data_offsets": span}
        offset += a.nbytes
    text = json.dumps(head).encode()
    text += b" " * (-len(text) % ITEMSIZE)
    return struct.pack("<Q", len(text)) + text + b"".join(a.tobytes() for a in arrays.values())
