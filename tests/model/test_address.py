"""Addresses of numbers, and the errors of invalid ones."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from glassgpt import Config
from glassgpt.errors import AddressError
from glassgpt.model.address import Address, checked, extents, parse_address

CONFIG = Config(n_layer=2)
NAMES = sorted(extents(CONFIG, 27, 5))


@given(
    kind=st.sampled_from(["value", "grad", "m", "v"]),
    name=st.sampled_from(NAMES),
    index=st.lists(st.integers(0, 9999), max_size=3).map(tuple),
)
def test_text_and_address_are_the_same_thing(kind, name, index) -> None:
    address = Address(kind, name, index)
    assert parse_address(str(address)) == address


def test_without_a_kind_it_is_the_value_and_spaces_do_no_harm() -> None:
    assert parse_address(" layer0.attn.q[3, 7] ") == Address("value", "layer0.attn.q", (3, 7))
    assert str(parse_address("loss")) == "value:loss"


# fmt: off
REFUSED = [
    ("q 3 7",                "not a valid address",                 "layer0.attn.q[3,7]"),
    ("wte[1,]",              "index in 'wte[1,]' is not a list of", "commas between"),
    ("weight:wte[1,2]",      "'weight' is not a kind of number",  "value, grad, m, v"),
    ("layer0.atn.q[3,7]",    "no 'layer0.atn.q'",               "nearest: layer0.attn.q"),
    ("q[3,7]",               "no 'q'",                          "layer0.attn.q, layer1.attn.q"),
    ("xyzzy",                "no 'xyzzy'",                      "loss, logits, wte"),
    ("layer0.attn.q[9,7]",   "positions 0 to 4 and channels 0 to 15", "value:layer0.attn.q[4,15]"),
    ("grad:layer0.attn.q",   "positions 0 to 4 and channels 0 to 15", "grad:layer0.attn.q[4,15]"),
    ("loss[0]",              "no index: it is one number",      "value:loss"),
    ("wte[27,0]",            "rows 0 to 26 and columns 0 to 15", "value:wte[26,15]"),
    ("m:logits[0,0]",        "no moment m",                     "grad:logits"),
]
# fmt: on


@pytest.mark.parametrize(("text", "what", "hint"), REFUSED)
def test_an_invalid_address_is_refused_with_a_hint(text: str, what: str, hint: str) -> None:
    with pytest.raises(AddressError) as refused:
        checked(parse_address(text), CONFIG, 27, 5)
    assert what in refused.value.what
    assert hint in refused.value.hint
