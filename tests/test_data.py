from __future__ import annotations

import io
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from glassgpt import builtin_names, data, read_documents
from glassgpt.errors import DataError
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


@given(st.lists(st.text(st.characters(exclude_categories=["Cs"]))))
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


def test_a_byte_order_mark_is_no_character() -> None:
    assert data.split_documents("\ufeffemma".encode(), "x") == ["emma"]


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


def test_a_boundless_file_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(data, "MAX_BYTES", 2**20)
    path = tmp_path / "large.txt"
    path.write_bytes(b"a" * (2**20 + 1))
    with pytest.raises(DataError, match="larger than 1 MiB"):
        read_documents(path)


def test_the_fingerprint_depends_on_every_document_and_their_order() -> None:
    prints = {data.fingerprint(d) for d in (["a", "b"], ["b", "a"], ["a"], ["ab"], ["a", "b", "b"])}
    assert len(prints) == 5
