from __future__ import annotations

import bz2
import gzip
import io
import lzma
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
import safetensors.numpy
from hypothesis import given
from hypothesis import strategies as st

from glassgpt import Config, Session, builtin_names, read_documents
from glassgpt.data import documents as data
from glassgpt.data.segmentation import WAYS
from glassgpt.errors import DataError
from glassgpt.live.new_run import Text
from glassgpt.training.snapshot import from_bytes, to_bytes
from tests.conftest import Reference


def test_the_builtin_names_are_lower_case_unique_and_about_five_thousand() -> None:
    names = builtin_names()
    assert 5_000 < len(names) < 5_500
    assert len(set(names)) == len(names)
    assert all(name.isascii() and name.isalpha() and name.islower() for name in names)
    assert {"emma", "mary", "james"} <= set(names)


def test_the_reference_names_read_as_the_original_reads_them(reference: Reference) -> None:
    assert len(reference.documents) == 32_033
    assert len(set(reference.documents)) == 29_494


@given(st.lists(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"))))
def test_documents_are_the_stripped_lines_of_file_iteration(lines: list[str]) -> None:
    text = "\n".join(lines)
    wanted = [s for line in io.StringIO(text, newline=None) if (s := line.strip())]
    if text.startswith("\ufeff"):
        wanted = [s for line in io.StringIO(text[1:], newline=None) if (s := line.strip())]
    if wanted:
        assert data.split_documents(text.encode(), "text") == wanted
    else:
        with pytest.raises(DataError, match="text has no documents"):
            data.split_documents(text.encode(), "text")


def test_line_separators_inside_a_line_do_not_split_it() -> None:
    assert data.split_documents("a\x0bb\u2028c\r\nd\re".encode(), "x") == [
        "a\x0bb\u2028c",
        "d",
        "e",
    ]


TEXT = "emma\nrenée 🙂\r\n漢字\rava\u2028b \t\n"
LINES = ["emma", "renée 🙂", "漢字", "ava\u2028b"]


@pytest.mark.parametrize(
    "octets",
    [
        TEXT.encode(),
        TEXT.encode("utf-8-sig"),
        TEXT.encode("utf-16"),
        b"\xfe\xff" + TEXT.encode("utf-16-be"),
        TEXT.encode("utf-32"),
        b"\0\0\xfe\xff" + TEXT.encode("utf-32-be"),
    ],
)
def test_a_byte_order_mark_names_the_encoding_and_is_no_character(octets: bytes) -> None:
    assert data.split_documents(octets, "x") == LINES
    assert Text.of("x", octets).source("words").documents[:2] == ("emma", "renée")


def test_only_white_space_at_the_ends_of_a_line_is_removed() -> None:
    octets = "\f\v a\x01\x1b\x85\u2028b\ufeff \u00a0\x85\x0c\n \u2003\n\x7f\n".encode()
    assert data.split_documents(octets, "x") == ["a\x01\x1b\x85\u2028b\ufeff", "\x7f"]


PICTURE = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + bytes(range(256))


@pytest.mark.parametrize(
    ("octets", "sentence", "hint"),
    [
        (PICTURE, "is a PNG picture, not text", "give a text file"),
        (gzip.compress(b"emma\nava\n", mtime=0), "is packed by gzip, not text", "unpack it first"),
        (bz2.compress(b"emma\nava\n"), "is packed by bzip2", "unpack it first"),
        (lzma.compress(b"emma\nava\n"), "is packed by xz", "unpack it first"),
        (b"PK\x03\x04" + bytes(60), "is a zip archive, as .docx", "save it as plain text"),
        (b"%PDF-1.4\nplain\n", "is a PDF document", "save it as plain text"),
        (safetensors.numpy.save({"a": np.ones(3)}), "is a safetensors file", "the text that it"),
        (bytes(500), "holds zero bytes, the first at offset 0", "give a text file"),
        (b"emma\n\0ava\n", "holds zero bytes, the first at offset 5", "give a text file"),
        (b"\xff\xfea\0\0\0", "holds zero bytes", "give a text file"),
        (TEXT.encode("utf-16-le"), "UTF-16 text without a byte-order mark", "-f utf-16le "),
        (TEXT.encode("utf-16-be"), "UTF-16 text without a byte-order mark", "-f utf-16be "),
        (b"\xff\xfea\0b", "is not UTF-16.* text: byte 0x62", "byte-order mark of UTF-16"),
        (b"\xff\xfe\0\xd8a\0", "is not UTF-16.* text: .*illegal", "byte-order mark of UTF-16"),
        ("Zoë\nRenée\n".encode("latin-1"), "not UTF-8 text: byte 0xeb", "iconv -f latin1 -t"),
        ("Мария\nИван\n".encode("cp1251"), "not UTF-8 text", "iconv -f ENCODING -t utf-8"),
        ("花子\n太郎\n".encode("shift_jis"), "not UTF-8 text", "iconv -f ENCODING -t utf-8"),
        ("emma é".encode()[:-1], "unexpected end of data", "cut in the middle of a character"),
        (b"a\xed\xa0\x80b\n", "half of a UTF-16 surrogate", "errors='replace'"),
        (b"a\xed\xa0\xbd\xed\xb8\x80\n", "half of a UTF-16 surrogate", "errors='replace'"),
        (b"wait\x85\n", "not UTF-8 text: byte 0x85", "iconv -f cp1252 -t utf-8"),
        (b"\x93Emma\x94 \x96 a name\n", "not UTF-8 text: byte 0x93", "iconv -f cp1252 -t"),
        ("René Zoë Chloé".encode() + b" \x85\n", "the rest of it is UTF-8", "iconv -c -f utf-8"),
        ("Мария\nИван\n".encode() + b"\xe9\n", "the rest of it is UTF-8", "iconv -c -f utf-8"),
        ("李雷\n韩梅梅\n".encode("gb18030"), "not UTF-8 text", "iconv -f ENCODING -t utf-8"),
        ("김철수\n이영희\n".encode("euc-kr"), "not UTF-8 text", "iconv -f ENCODING -t utf-8"),
        (b"\x01\x02\x03\xff\xfe\x80", "control characters show that it is not text", "text file"),
    ],
)
def test_a_file_that_is_not_text_is_refused_with_its_format(
    octets: bytes, sentence: str, hint: str
) -> None:
    with pytest.raises(DataError, match=sentence) as caught:
        data.split_documents(octets, "it")
    assert hint in caught.value.hint
    with pytest.raises(DataError, match=sentence):
        Text.of("it", octets)


_encoded = st.builds(
    lambda text, encoding: text.encode(encoding, "ignore"),
    st.text(),
    st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-32", "latin-1", "cp1251"]),
)
_begun = st.builds(bytes.__add__, st.sampled_from([*data.SIGNATURES, *data.MARKS]), st.binary())


@given(st.binary() | _encoded | _begun | st.builds(bytes.__mul__, _encoded, st.integers(0, 999)))
def test_any_bytes_are_documents_or_a_sentence(octets: bytes) -> None:
    try:
        text = Text.of("it", octets)
    except DataError:
        return
    assert all(line == line.strip() != "" and "\0" not in line for line in text.lines)
    for way in WAYS:
        with suppress(DataError):
            assert all(text.source(way).documents)
    session = Session(Config(n_embd=1, n_head=1, block_size=2), text.lines)
    assert fingerprint_of(session) == data.fingerprint(text.lines)


def fingerprint_of(session: Session) -> str:
    """Return that of its checkpoint, after one step, written and read."""
    session.run(1)
    return from_bytes(to_bytes(session.snapshot())).recipe.data_sha256


def test_standard_input_is_a_dash(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"emma\n\nava\n")))
    assert read_documents("-") == ["emma", "ava"]


def test_bad_files_get_a_sentence(tmp_path: Path) -> None:
    latin = tmp_path / "latin.txt"
    latin.write_bytes(b"emma\nren\xe9e\n")
    (tmp_path / "empty.txt").write_text(" \n\n")
    mistakes: dict[str | Path, str] = {
        tmp_path / "none.txt": "there is no file",
        tmp_path: "is a directory",
        latin: r"not UTF-8 text: byte 0xe9 at offset 8 \(line 2\)",
        tmp_path / "empty.txt": "has no documents",
        "nul\0.txt": "cannot be read",
    }
    for source, sentence in mistakes.items():
        with pytest.raises(DataError, match=sentence):
            read_documents(source)


def test_a_file_above_the_size_limit_is_refused(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(data, "MAX_BYTES", 2**20)
    path = tmp_path / "large.txt"
    path.write_bytes(b"a" * (2**20 + 1))
    with pytest.raises(DataError, match="larger than 1 MiB"):
        read_documents(path)


def test_the_fingerprint_depends_on_every_document_and_their_order() -> None:
    prints = {data.fingerprint(d) for d in (["a", "b"], ["b", "a"], ["a"], ["ab"], ["a", "b", "b"])}
    assert len(prints) == 5
