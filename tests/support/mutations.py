"""Messages that a page might send, and random mutations of them."""

from __future__ import annotations

import json
import random
import struct
from collections.abc import Callable
from dataclasses import asdict
from typing import Any, TypeAlias, get_args

from glassgpt import Config, Session
from glassgpt.live import protocol
from glassgpt.training.snapshot import to_bytes

TEXT = b"ab\nba\nabba\nbaab\naab\n"
SMALL = asdict(Config(n_embd=8, n_head=2, block_size=8, num_steps=60))

Fields: TypeAlias = dict[str, Any]
Said: TypeAlias = str | bytes


def _checkpoint() -> bytes:
    session = Session(Config(**SMALL), TEXT.decode().split(), data_name="tiny.txt")
    session.run(3)
    return to_bytes(session.snapshot())


# At least one of every command, and the file that comes with it.
EXAMPLES: list[tuple[protocol.Command, bytes | None]] = [
    (protocol.Open(link="seed=7&n_embd=8&step=6&temperature=1.5"), None),
    (protocol.Play(), None),
    (protocol.Pause(), None),
    (protocol.Seek(9), None),
    (protocol.Pace(200), None),
    (protocol.Start(SMALL, "", "builtin", play=True), None),
    (protocol.Start(SMALL, "", "sent", "tiny.txt", play=True, keep=True), TEXT),
    (protocol.Start(SMALL, "scalar", "sent", "tiny.txt", "words", do="3:head0.1!"), TEXT),
    (protocol.Consider(SMALL, "", "sent", "tiny.txt"), TEXT),
    (protocol.Load("tiny.safetensors"), _checkpoint()),
    (protocol.Tune({"learning_rate": 0.02, "num_steps": 90}), None),
    (protocol.Edit("wte", 1, 1, 0.5), None),
    (protocol.Ablate("head", 0, 1, hold=True), None),
    (protocol.StopAblating("head", 0, 1), None),
    (protocol.Undo(), None),
    (protocol.Redo(), None),
    (protocol.Choose(1), None),
    (protocol.Drop(1), None),
    (protocol.Compare(0), None),
    (protocol.Preview(SMALL), None),
    (protocol.Band(2), None),
    (protocol.Attribute("abba", 1, 1), None),
    (protocol.Sample({"temperature": 0.7, "num_samples": 4}, 3), None),
    (protocol.Spell(0), None),
    (protocol.Watch(["value:wte", "grad:wte", "value:wte[1,2]"], "ab"), None),
    (protocol.Explain("wte[1,2]"), None),
    (protocol.Verify(2), None),
    (protocol.Enter("wte[1,2]", path=True), None),
    (protocol.Tokenize("abba"), None),
    (protocol.Read(0, 3), None),
    (protocol.Save("checkpoint"), None),
    (protocol.Ack(1), None),
]
KINDS = [kind.__name__ for kind in get_args(protocol.Command)]
ODD: list[Any] = [
    None, True, [], {}, -1, 0, 1, 2**31, -(2**31), 2**53 + 1, 2**63, -(2**63) - 1, 2**64, 10**400,
    0.5, -0.0, 1e308, -1e308, 5e-324, float("nan"), float("inf"), "", "\0", "NaN", "kept", "sent",
    "\ud800", "\udfff\ud800", "漢🙂\u202e", "a" * 60_000, "é" * 9000, "wte[0,0]", "0:num_steps=9",
    "log.csv", "documents", "script", [[]] * 99, ["value:wte"] * 999, {"a": {"b": [1, "c", None]}},
]  # fmt: skip


def message(fields: Fields, file: bytes | None) -> Said:
    """Return a command as it is sent."""
    text = json.dumps(fields)
    return text if file is None else framed(text.encode(), file)


def framed(head: bytes, file: bytes) -> bytes:
    """Return the frame of a header and a file."""
    return struct.pack("<I", len(head)) + head + file


def example(chance: random.Random) -> tuple[Fields, bytes | None]:
    """Return the fields of a command that is well formed, and its file."""
    command, file = chance.choice(EXAMPLES)
    fields = {name: getattr(command, name) for name in command.__struct_fields__}
    return {"kind": type(command).__name__, **fields}, file


# -- what may happen to the fields


def _odd_value(chance: random.Random, fields: Fields) -> None:
    fields[chance.choice(list(fields))] = chance.choice(ODD)


def _odd_setting(chance: random.Random, fields: Fields) -> None:
    """Put an odd value inside a field that is a list or an object."""
    for name in ("config", "changes", "sampling"):
        if isinstance(fields.get(name), dict):
            inner = dict(fields[name])
            inner[chance.choice([*inner, "nothing"])] = chance.choice(ODD)
            fields[name] = inner


def _missing(chance: random.Random, fields: Fields) -> None:
    del fields[chance.choice(list(fields))]


def _extra(chance: random.Random, fields: Fields) -> None:
    fields[chance.choice(["extra", "", "kind ", "step"])] = chance.choice(ODD)


def _other_kind(chance: random.Random, fields: Fields) -> None:
    fields["kind"] = chance.choice([*KINDS, "Frame", "Explode", "play", "__class__"])


def _nested(chance: random.Random, fields: Fields) -> None:
    """Nest a field in lists or objects, up to 300 deep."""
    name, nest = chance.choice(list(fields)), fields.get("kind")
    for _ in range(chance.choice([2, 40, 300])):
        nest = [nest] if chance.random() < 0.5 else {"a": nest}
    fields[name] = nest


FIELDS: list[Callable[[random.Random, Fields], None]] = [
    _odd_value, _odd_value, _odd_setting, _odd_setting, _missing, _extra, _other_kind, _nested,
]  # fmt: skip


# -- what may happen to the bytes


def _flipped(chance: random.Random, octets: bytes) -> bytes:
    changed = bytearray(octets)
    for _ in range(chance.choice([1, 1, 3, 30])):
        changed[chance.randrange(len(changed))] ^= 1 << chance.randrange(8)
    return bytes(changed)


def _cut(chance: random.Random, octets: bytes) -> bytes:
    return octets[: chance.randrange(len(octets))]


def _doubled(chance: random.Random, octets: bytes) -> bytes:
    at = chance.randrange(len(octets))
    return octets[:at] + octets[at // 2 :]


def _wrong_length(chance: random.Random, octets: bytes) -> bytes:
    length = chance.choice([0, 1, len(octets) - 5, len(octets), 2**31, 2**32 - 1])
    return struct.pack("<I", max(0, length)) + octets[4:]


def _noise(chance: random.Random, octets: bytes) -> bytes:
    return chance.randbytes(chance.choice([0, 1, 3, 4, 5, min(len(octets), 4000)]))


def _deep(chance: random.Random, octets: bytes) -> bytes:
    """Open more brackets than a parser accepts."""
    return chance.choice([b"[", b'{"kind":', b'{"a":[']) * 9000 + octets[:9]


BYTES: list[Callable[[random.Random, bytes], bytes]] = [
    _flipped, _flipped, _cut, _doubled, _wrong_length, _noise, _deep,
]  # fmt: skip


def any_message(chance: random.Random) -> Said:
    """Return a valid command, or one with its fields or its bytes changed."""
    fields, file = example(chance)
    manner = chance.random()
    if 0.3 <= manner < 0.8:
        for _ in range(chance.choice([1, 1, 2])):
            if fields:
                chance.choice(FIELDS)(chance, fields)
    said = message(fields, file)
    if manner < 0.8:
        return said
    if isinstance(said, bytes):
        return chance.choice(BYTES)(chance, said)
    octets = chance.choice(BYTES)(chance, said.encode())
    return octets.decode("latin-1") if chance.random() < 0.7 else octets
