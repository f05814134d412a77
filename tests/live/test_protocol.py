"""The messages: the format of frames, invalid messages, and the page's types."""

from __future__ import annotations

import json
import struct
import sys
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tools import gen_protocol

from glassgpt.arrays import array
from glassgpt.errors import ProtocolError
from glassgpt.live import protocol


def parts(frame: bytes) -> tuple[dict[str, Any], bytes]:
    (length,) = struct.unpack_from("<I", frame)
    return json.loads(frame[4 : 4 + length]), frame[4 + length :]


@given(st.lists(st.lists(st.floats(), min_size=1, max_size=5), max_size=4), st.text(max_size=9))
def test_a_frame_carries_every_number_bit_for_bit(rows: list[list[float]], text: str) -> None:
    arrays = {f"a{i}": array(row, (len(row),)) for i, row in enumerate(rows)}
    event = protocol.File(text, "", protocol.heads(arrays))
    head, body = parts(protocol.encode_event(event, list(arrays.values())))
    assert head["name"] == text
    assert [one["shape"] for one in head["arrays"]] == [[len(row)] for row in rows]
    assert body == b"".join(struct.pack(f"<{len(row)}d", *row) for row in rows)


@given(st.integers(0, 9), st.binary(max_size=20))
def test_every_array_begins_on_a_multiple_of_eight_bytes(letters: int, octets: bytes) -> None:
    arrays: dict[str, memoryview[Any]] = {
        "bytes": memoryview(octets),
        "numbers": array([1.5], (1,)),
    }
    event = protocol.File("x" * letters, "", protocol.heads(arrays))
    frame = protocol.encode_event(event, list(arrays.values()))
    (length,) = struct.unpack_from("<I", frame)
    assert (4 + length) % 8 == 0
    assert len(frame) % 8 == 0
    assert frame.endswith(struct.pack("<d", 1.5))


def test_a_command_comes_as_text_or_as_a_frame_with_a_file() -> None:
    start = {"kind": "Start", "config": {"seed": 1}, "engine": "scalar", "data": "sent"}
    text = json.dumps(start)
    command, payload = protocol.decode_command(text)
    assert command == protocol.Start({"seed": 1}, "scalar", "sent")
    assert payload is None
    frame = struct.pack("<I", len(text)) + text.encode() + b"emma\n"
    assert protocol.decode_command(frame) == (command, b"emma\n")
    empty = frame.removesuffix(b"emma\n")
    assert protocol.decode_command(empty) == (command, b"")  # a file, though with nothing in it


@pytest.mark.parametrize(
    "message",
    [
        "",
        "null",
        "[]",
        "{}",
        '{"kind": "Explode"}',
        '{"kind": "Seek"}',
        '{"kind": "Seek", "step": "far"}',
        '{"kind": "Seek", "step": 1, "also": 2}',
        '{"kind": "Seek", "step": 1e400}',
        "[" * 5000,
        '{"kind":' * 7000,
        b"\x60\xea\x00\x00" + b'{"a":[' * 10_000,  # nested too deeply
        b"",
        b"\xff",
        b"\xff\xff\xff\xff{}",
        b"\x02\x00\x00\x00{}",
        b"\x02\x00\x00\x00\xff\xfe",
        '{"kind": "Tokenize", "text": "' + "a" * protocol.MAX_COMMAND + '"}',
        b"\x00\x00\x00\x00" + bytes(protocol.MAX_UPLOAD + 1),
        '{"kind": "Tokenize", "text": "\\ud800"}',  # half of a surrogate pair
    ],
)
def test_an_invalid_command_is_refused_with_a_sentence(message: str | bytes) -> None:
    with pytest.raises(ProtocolError, match="message"):
        protocol.decode_command(message)


def test_the_pages_types_are_current() -> None:
    assert gen_protocol.TARGET.read_text("utf-8") == gen_protocol.source(), (
        "run: python -m tools.gen_protocol"
    )


def test_commands_and_events_are_distinguished_by_their_kind() -> None:
    for struct_type in (*gen_protocol.COMMANDS, *gen_protocol.EVENTS):
        assert struct_type.__struct_config__.tag == struct_type.__name__
        assert issubclass(struct_type, msgspec.Struct)


def test_numbers_are_sent_in_little_endian_order(monkeypatch: pytest.MonkeyPatch) -> None:
    if sys.byteorder != "little":
        pytest.skip("the swap is real here")
    monkeypatch.setattr(sys, "byteorder", "big")
    frame = protocol.encode_event(protocol.Documents(0, []), [array([1.0, 2.0], (2,))])
    assert frame.endswith(struct.pack(">dd", 1.0, 2.0))
