"""Arrays of float64: offsets and indices."""

from __future__ import annotations

import math

from hypothesis import given
from hypothesis import strategies as st

from glassgpt.arrays import array, numbers, unravel


@given(st.lists(st.integers(1, 4), min_size=1, max_size=4))
def test_unravel_leads_to_the_number_at_an_offset(shape: list[int]) -> None:
    a = array(range(math.prod(shape)), shape)
    assert [a[unravel(i, shape)] for i in range(math.prod(shape))] == numbers(a)


def test_the_only_number_of_no_axes_has_the_empty_index() -> None:
    assert unravel(0, ()) == ()
