"""The bytes of messages: JSON text, or a frame of a header and arrays."""

from __future__ import annotations

import struct
import sys
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from glassgpt.arrays import ITEMSIZE
from glassgpt.errors import ProtocolError
from glassgpt.live.protocol.commands import Command
from glassgpt.live.protocol.message import Message
from glassgpt.live.protocol.parts import ArrayHead

MAX_COMMAND = 64 * 2**10  # bytes of a command's text
MAX_UPLOAD = 8 * 2**20  # bytes of a file that is sent with a command

_commands = msgspec.json.Decoder(Command)
_encoder = msgspec.json.Encoder()


def decode_command(message: str | bytes) -> tuple[Command, bytes | None]:
    """Return the command in a text, with no file, or the command and the file in a frame."""
    head: str | bytes
    payload: bytes | None = None
    if isinstance(message, str):
        head = message
    else:
        if len(message) < 4:
            raise ProtocolError("a binary message is shorter than its length field")
        (length,) = struct.unpack_from("<I", message)
        if length > len(message) - 4:
            raise ProtocolError("a binary message is shorter than its header")
        head, payload = message[4 : 4 + length], message[4 + length :]
    if len(head) > MAX_COMMAND or len(payload or b"") > MAX_UPLOAD:
        raise ProtocolError(
            f"a message of {len(message):,} bytes is too large",
            f"the limit for a file is {MAX_UPLOAD // 2**20} MiB; train on a part of it",
        )
    try:
        return _commands.decode(head), payload
    except (msgspec.DecodeError, UnicodeError, RecursionError) as error:  # the last: too deep
        raise ProtocolError(f"a message is not a valid command: {error}") from None


def heads(arrays: Mapping[str, memoryview[Any]]) -> list[ArrayHead]:
    """Return the heads of `arrays`, in order."""
    return [ArrayHead(name, _dtype(a), list(a.shape or ())) for name, a in arrays.items()]


def encode_event(event: Message, arrays: Sequence[memoryview[Any]] = ()) -> bytes:
    """Return the frame of an event and the arrays that its heads name, in the same order."""
    head = _encoder.encode(event)
    head += b" " * (-(len(head) + 4) % ITEMSIZE)
    parts = [struct.pack("<I", len(head)), head]
    for a in arrays:
        octets = _little_endian(a)
        parts += (octets, b"\0" * (-len(octets) % ITEMSIZE))
    return b"".join(parts)


def _dtype(a: memoryview[Any]) -> str:
    return {"d": "f8", "f": "f4", "B": "u1"}[a.format]


def _little_endian(a: memoryview[Any]) -> bytes:
    if sys.byteorder == "little" or a.itemsize == 1:
        return a.tobytes()
    octets = bytearray(a.tobytes())
    for i in range(a.itemsize // 2):
        octets[i :: a.itemsize], octets[a.itemsize - 1 - i :: a.itemsize] = (
            octets[a.itemsize - 1 - i :: a.itemsize],
            octets[i :: a.itemsize],
        )
    return bytes(octets)
