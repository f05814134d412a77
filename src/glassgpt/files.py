"""The files that a reader can keep of a run: checkpoint, weights, log, script."""

from __future__ import annotations

import json
import struct
from collections.abc import Callable, Iterator, Mapping

from glassgpt import data, protocol
from glassgpt.arrays import ITEMSIZE, Array, shape
from glassgpt.config import Config, Sampling, settings
from glassgpt.errors import ConfigError
from glassgpt.exhibit import Exhibit, Told
from glassgpt.session import Session
from glassgpt.snapshot import to_bytes


def file(exhibit: Exhibit, what: str) -> Told:
    """Return a file of the run at its position."""
    makers: dict[str, tuple[str, str, Callable[[Exhibit], bytes]]] = {
        "checkpoint": ("checkpoint.safetensors", "application/octet-stream", _checkpoint),
        "weights": ("weights.safetensors", "application/octet-stream", _weights),
        "log.jsonl": ("glassgpt-log.jsonl", "application/x-ndjson", _jsonl),
        "log.csv": ("glassgpt-log.csv", "text/csv", _csv),
        "script": ("glassgpt_run.py", "text/x-python", _script),
    }
    if what not in makers:
        raise ConfigError(f"there is no file {what!r}", f"choose one of: {', '.join(makers)}")
    name, kind, make = makers[what]
    octets = memoryview(make(exhibit))
    return protocol.File(name, kind, protocol.heads({"bytes": octets})), [octets]


def _checkpoint(exhibit: Exhibit) -> bytes:
    return to_bytes(exhibit.session.snapshot())


def _weights(exhibit: Exhibit) -> bytes:
    return tensors(exhibit.session.engine.state().params)


def _log(exhibit: Exhibit) -> Iterator[tuple[int, str, float, float]]:
    for i in range(exhibit.history.begin, exhibit.session.step):
        document = exhibit.session.document(i)
        yield i + 1, document, exhibit.history.losses[i], exhibit.history.rates[i]


def _jsonl(exhibit: Exhibit) -> bytes:
    lines = (
        json.dumps({"step": s, "doc": d, "loss": loss, "lr": rate}, ensure_ascii=False)
        for s, d, loss, rate in _log(exhibit)
    )
    return "".join(f"{line}\n" for line in lines).encode()


def _csv(exhibit: Exhibit) -> bytes:
    rows = (f'{s},"{d.replace(chr(34), chr(34) * 2)}",{x!r},{r!r}' for s, d, x, r in _log(exhibit))
    return "".join(f"{row}\n" for row in ("step,document,loss,learning_rate", *rows)).encode()


def _script(exhibit: Exhibit) -> bytes:
    base = exhibit.history.base
    changed = ", ".join(
        f"{s.name}={getattr(base, s.name)!r}"
        for s in settings(Config)
        if getattr(base, s.name) != s.default
    )
    drawn = ", ".join(
        f"{s.name}={getattr(exhibit.sampling, s.name)!r}"
        for s in settings(Sampling)
        if getattr(exhibit.sampling, s.name) != s.default
    )
    builtin = exhibit.source.name == data.BUILTIN
    documents = "builtin_names()" if builtin else f"read_documents({exhibit.source.name!r})"
    reader = "builtin_names" if builtin else "read_documents"
    session = exhibit.session
    more = "from glassgpt.interventions import Edit, Release, Silence, Tune\n"
    return (
        '"""The run that was on the page, as a script: pip install glassgpt."""\n\n'
        f"from glassgpt import Config, Sampling, Session, {reader}\n"
        f"{more * bool(session.interventions)}\n"
        f"session = Session(Config({changed}), {documents}, engine={session.engine.name!r})\n"
        f"{_training(session)}"
        f"for text in session.sample(Sampling({drawn})):\n"
        "    print(text)\n"
    ).encode()


def _training(session: Session) -> str:
    """Return the lines that take the run to where it stands, with what was done to it."""
    lines, step = "", 0
    for until, change in [
        *((d.step, d.change) for d in session.interventions),
        (session.step, None),
    ]:
        lines += f"for record in session.run({until - step}):\n"
        lines += '    print(f"step {record.step} loss {record.loss:.4f} {record.document}")\n'
        lines += f"session.apply({change!r})\n" if change else ""
        step = until
    return lines


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
