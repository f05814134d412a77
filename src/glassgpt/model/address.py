"""The address of a number: kind, name and index, as in `grad:layer0.attn.q[3,7]`."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Literal, cast, get_args

from glassgpt.errors import AddressError
from glassgpt.model.activations import sites
from glassgpt.model.config import Config
from glassgpt.model.parameters import shapes

Kind = Literal["value", "grad", "m", "v"]  # v is Adam's second moment
Index = tuple[int, ...]

_FORM = re.compile(r"(?:(\w+):)?([\w.]+)(?:\[([\d, ]*)\])?")
_AXES = {
    "T": "positions", "S": "attended positions", "C": "channels", "H": "heads",
    "F": "hidden units", "V": "tokens",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Address:
    """One number: `kind` of the site or parameter `name` at `index`."""

    kind: Kind
    name: str
    index: Index

    def __str__(self) -> str:
        return spell(self.kind, self.name, self.index)


def spell(kind: str, name: str, index: Sequence[int]) -> str:
    """Return the text of an address."""
    where = f"[{','.join(map(str, index))}]" if index else ""
    return f"{kind}:{name}{where}"


def parse_address(text: str) -> Address:
    """Return the address in `text`; without a kind it is a value. Raise `AddressError`."""
    match = _FORM.fullmatch(text.strip()) if isinstance(text, str) else None
    if not match:
        raise AddressError(f"{text!r} is not a valid address", "write it like layer0.attn.q[3,7]")
    kind, name, inside = match.groups()
    if kind is not None and kind not in get_args(Kind):
        raise AddressError(f"{kind!r} is not a kind of number", "choose: value, grad, m, v")
    try:
        index = tuple(int(i) for i in inside.split(",")) if inside else ()
    except ValueError:
        raise AddressError(
            f"the index in {text!r} is not a list of integers",
            "write integers with commas between, like [3,7]",
        ) from None
    return Address(cast(Kind, kind or "value"), name, index)


def checked(address: Address, config: Config, vocab_size: int, positions: int) -> Address:
    """Return `address`; raise `AddressError` if the model has no such number for the document."""
    found = extents(config, vocab_size, positions)
    if address.name not in found:
        raise AddressError(f"the model has no {address.name!r}", nearest(address.name, found))
    axes = found[address.name]
    if address.kind in ("m", "v") and address.name not in shapes(config, vocab_size):
        raise AddressError(
            f"{address.name} has no moment {address.kind}: only parameters have Adam's moments",
            f"give value:{address.name} or grad:{address.name}",
        )
    fits = len(address.index) == len(axes)
    if not fits or any(i >= size for i, (_, size) in zip(address.index, axes, strict=True)):
        where = str(list(address.index)) if address.index else "no index"
        raise AddressError(
            f"{address.name} has {_bounds(axes)}, but the address has {where}",
            _example(address, axes),
        )
    return address


def extents(
    config: Config, vocab_size: int, positions: int
) -> dict[str, tuple[tuple[str, int], ...]]:
    """Return the axes of every site and parameter: what each axis counts, and its length."""
    found: dict[str, tuple[tuple[str, int], ...]] = {}
    for site in sites(config):
        sizes = site.shape(config, vocab_size, positions)
        found[site.name] = tuple(zip((_AXES[axis] for axis in site.axes), sizes, strict=True))
    for name, (rows, columns) in shapes(config, vocab_size).items():
        found[name] = (("rows", rows), ("columns", columns))
    return found


def nearest(name: str, known: Mapping[str, object]) -> str:
    """Return a hint with the known names nearest to `name`."""
    near = get_close_matches(name, known, 3, 0.5) or [n for n in known if n.endswith(f".{name}")]
    usual = [n for n in ("loss", "logits", "wte") if n in known]
    return f"nearest: {', '.join(near)}" if near else f"it has, for instance: {', '.join(usual)}"


def _bounds(axes: Sequence[tuple[str, int]]) -> str:
    if not axes:
        return "no index: it is one number"
    return " and ".join(f"{what} 0 to {size - 1}" for what, size in axes)


def _example(address: Address, axes: Sequence[tuple[str, int]]) -> str:
    return f"for instance {spell(address.kind, address.name, [size - 1 for _, size in axes])}"
