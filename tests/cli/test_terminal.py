"""How a text is shown on a terminal, and counts with their nouns."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from glassgpt import Config, Session
from glassgpt.cli.introduction import introduce
from glassgpt.cli.terminal import visible
from glassgpt.errors import counted

INVISIBLE = [chr(c) for c in range(0x110000) if unicodedata.category(chr(c)) in ("Cc", "Cf", "Zl")]


def test_two_characters_without_a_sign_never_look_alike() -> None:
    shown = [visible(c) for c in INVISIBLE]
    assert len(set(shown)) == len(shown) > 200
    assert all(text.isprintable() and text.startswith("\\") for text in shown)
    assert [visible(c) for c in "\t\x1b\x9b\u202e"] == [r"\t", r"\x1b", r"\x9b", r"\u202e"]


@given(st.text())
def test_what_is_visible_is_what_repr_shows_in_its_quotes(text: str) -> None:
    plain = text.replace("\\", "").replace("'", "")
    assert visible(plain) == repr(plain)[1:-1]


def test_counts_are_singular_and_plural() -> None:
    assert [counted(n, "run") for n in (0, 1, 2, 1000)] == [
        "0 runs",
        "1 run",
        "2 runs",
        "1,000 runs",
    ]


@pytest.mark.parametrize(
    ("documents", "cut", "origin"),
    [(["a"], "", "line"), (["a"], "words", "word"), (["a", "b"], "sentences", "sentences")],
)
def test_one_document_is_one_line_or_one_word(
    documents: list[str], cut: str, origin: str, capsys: pytest.CaptureFixture[str]
) -> None:
    config = Config(n_embd=1, n_head=1)
    introduce(Session(config, documents, data_name="a.txt", cut=cut))
    assert f"  {len(documents)}  {origin} of a.txt\n" in capsys.readouterr().out
