"""Segmentation: running text becomes documents; only white space and punctuation are lost."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from glassgpt.data.segmentation import WAYS, cut, is_prose
from glassgpt.errors import DataError

BOOK = (
    "\ufeffIt was late. “Is it far?” she asked… Nobody\r\nanswered (not even he). \r\n\r\n"
    "Well-being isn’t 这是。那是！ here"
)


@pytest.mark.parametrize(
    ("way", "documents"),
    [
        (
            "paragraphs",
            [
                "It was late. “Is it far?” she asked… Nobody answered (not even he).",
                "Well-being isn’t 这是。那是！ here",
            ],
        ),
        (
            "sentences",
            [
                "It was late.",
                "“Is it far?”",
                "she asked…",
                "Nobody answered (not even he).",
                "Well-being isn’t 这是。",
                "那是！",
                "here",
            ],
        ),
    ],
)
def test_a_text_is_cut_where_a_reader_would(way: str, documents: list[str]) -> None:
    assert cut(BOOK, way) == documents


def test_words_keep_their_hyphens_and_apostrophes() -> None:
    assert cut("Well-being isn’t (so) bad.", "words") == ["Well-being", "isn’t", "so", "bad"]


@given(st.text(alphabet="ab.!?\n \t”)", min_size=1))
def test_paragraphs_and_sentences_lose_only_white_space(text: str) -> None:
    for way in ("paragraphs", "sentences"):
        try:
            found = cut(text, way)
        except DataError:
            found = []
        assert re.sub(r"\s", "", "".join(found)) == re.sub(r"\s", "", text)


def test_only_long_lines_look_like_running_text() -> None:
    assert is_prose(["word " * 40])
    assert not is_prose(["anna", "otto", "word " * 40])


def test_a_text_that_cannot_be_cut_is_an_error() -> None:
    with pytest.raises(DataError, match="no words"):
        cut("… !!", "words")
    with pytest.raises(DataError, match="verses"):
        cut("a", "verses")
    assert WAYS == ("paragraphs", "sentences", "words")
