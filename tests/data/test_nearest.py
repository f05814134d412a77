"""The nearest document: the same as by measuring all of them, but faster."""

from __future__ import annotations

from collections.abc import Iterator

from hypothesis import given
from hypothesis import strategies as st

from glassgpt.data.nearest import LONGEST, MOST, SLICE, Nearest, distance

texts = st.text("abcäz", max_size=9)


def plain(a: str, b: str) -> int:
    """The textbook table."""
    row = list(range(len(b) + 1))
    for i, x in enumerate(a, 1):
        before, row = row, [i]
        for j, y in enumerate(b, 1):
            row.append(min(before[j] + 1, row[-1] + 1, before[j - 1] + (x != y)))
    return row[-1]


@given(texts, texts)
def test_the_distance_is_that_of_the_textbook(a: str, b: str) -> None:
    assert distance(a, b) == plain(a, b)


@given(st.lists(texts, min_size=1, max_size=30), texts)
def test_no_document_is_nearer(documents: list[str], text: str) -> None:
    found, gap = Nearest(documents).of(text)
    assert found in documents
    assert gap == plain(text, found) == min(plain(text, one) for one in documents)


def test_letters_that_no_document_has_count_too() -> None:
    assert Nearest(["ab", "xyz"]).of("äöxyz") == ("xyz", 2)


def test_a_long_text_has_no_neighbour() -> None:
    assert Nearest(["ab"]).of("a" * (LONGEST + 1)) == ("", 0)
    assert Nearest(["a" * (LONGEST + 1)]).of("a") == ("", 0)


def test_the_index_is_built_on_demand_and_in_slices() -> None:
    taken: list[str] = []

    def documents() -> Iterator[str]:
        for number in range(3 * SLICE):
            taken.append(str(number))
            yield taken[-1]

    nearest = Nearest(documents())
    assert not taken  # the first frame waits for none of them
    next(nearest.index())
    assert len(taken) == SLICE
    assert nearest.knows(str(3 * SLICE - 1))  # a query indexes the rest
    assert nearest.of("0") == ("0", 0)
    assert not list(nearest.index())


def test_membership_works_above_the_limit_of_the_search() -> None:
    nearest = Nearest(map(str, range(MOST + 1)))
    assert nearest.of("x") == ("", 0)
    assert nearest.knows(str(MOST))
    assert not nearest.knows("x")
