from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from glassgpt.errors import DataError, TokenizeError
from glassgpt.model.tokenizer import MAX_VOCABULARY, Tokenizer


@given(st.lists(st.text(min_size=1), min_size=1))
def test_decode_undoes_encode(documents: list[str]) -> None:
    tokenizer = Tokenizer.of(documents)
    for document in documents:
        assert tokenizer.decode(tokenizer.encode(document)) == document


@given(st.lists(st.text(min_size=1), min_size=1))
def test_ids_follow_the_sorted_characters_and_bos_is_last(documents: list[str]) -> None:
    tokenizer = Tokenizer.of(documents)
    assert list(tokenizer.characters) == sorted(set("".join(documents)))
    assert tokenizer.encode(tokenizer.characters) == list(range(tokenizer.bos))
    assert tokenizer.vocab_size == tokenizer.bos + 1


def test_a_document_is_opened_and_closed_by_bos() -> None:
    tokenizer = Tokenizer.of(["emma"])
    assert tokenizer.characters == "aem"
    assert tokenizer.encode_document("emma") == [3, 1, 2, 2, 0, 3]
    assert [tokenizer.name(i) for i in (0, 3)] == ["a", "BOS"]


@given(st.lists(st.text(min_size=1), min_size=1), st.integers(1, 9))
def test_documents_packed_are_the_documents_clipped(documents: list[str], block_size: int) -> None:
    tokenizer = Tokenizer.of(documents)
    packed = tokenizer.encode_documents(documents, block_size)
    wanted = [tokenizer.encode_document(d)[: block_size + 1] for d in documents]
    assert list(packed) == wanted
    assert list(packed.part(1, 3)) == wanted[1:3]
    assert packed[-1] == wanted[-1]


def test_an_unknown_character_is_named() -> None:
    with pytest.raises(TokenizeError, match=r"'é' \(U\+00E9\) of 'emmé' is not in the vocabulary"):
        Tokenizer.of(["emma"]).encode("emmé")


@pytest.mark.parametrize("characters", ["", "aba"])
def test_a_vocabulary_of_nothing_or_of_repeats_is_refused(characters: str) -> None:
    with pytest.raises(DataError, match="distinct characters"):
        Tokenizer(characters)


def test_a_vocabulary_above_the_limit_is_refused() -> None:
    with pytest.raises(DataError, match="20,001 different characters"):
        Tokenizer.of(["".join(map(chr, range(0x20000, 0x20000 + MAX_VOCABULARY + 1)))])
