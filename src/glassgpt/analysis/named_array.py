"""A read-only named array: an activation or a parameter, with the letters of its axes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from glassgpt.arrays import Array, shape
from glassgpt.errors import AddressError
from glassgpt.model.activations import sites
from glassgpt.model.address import nearest
from glassgpt.model.config import Config

_AXES = {"wte": "VC", "wpe": "TC", "lm_head": "VC", "mlp_fc1": "FC", "mlp_fc2": "CF"}


@dataclass(frozen=True, slots=True, eq=False)
class NamedArray:
    """The numbers of one named array: float64 of `shape` over `axes`, read-only.

    `a[3, 7]` reads one number, and `numpy.asarray(a)` reads all of them without a copy. Axes: T
    position, S attended position, C channel, H head, F hidden unit, V token.
    """

    name: str
    axes: tuple[str, ...]
    values: Array

    @property
    def shape(self) -> tuple[int, ...]:
        """The length of each axis."""
        return shape(self.values)

    @property
    def __array_interface__(self) -> dict[str, Any]:
        """The memory of the numbers, for NumPy."""
        octets = self.values.cast("B")
        return {"version": 3, "shape": self.shape, "typestr": "<f8", "data": octets}

    def __getitem__(self, index: int | tuple[int, ...]) -> float:
        try:
            number = self.values[index]
        except (IndexError, TypeError, NotImplementedError):
            number = None
        if not isinstance(number, float):
            raise AddressError(
                f"{self.name} ({self._sizes()}) has no number at {index!r}",
                "give a whole number for each axis, counted from 0; "
                "numpy.asarray(...) can be cut into parts",
            )
        return number

    def __iter__(self) -> Iterator[Any]:
        """Yield numbers, or nested lists of them, along the first axis."""
        return iter(self.tolist() if self.axes else [self.tolist()])

    def __float__(self) -> float:
        return self[()]

    def tolist(self) -> Any:
        """Return the numbers as nested lists."""
        return self.values.tolist()

    def __repr__(self) -> str:
        return f"NamedArray({self.name}: {self._sizes()})"

    def _sizes(self) -> str:
        sizes = (f"{axis}={n}" for axis, n in zip(self.axes, self.shape, strict=True))
        return ", ".join(sizes) or "one number"


class ByName(dict[str, NamedArray]):
    """Named arrays by name. The error for a missing name suggests the nearest one."""

    def __missing__(self, name: object) -> NamedArray:
        raise AddressError(f"there is no array {name!r} here", nearest(str(name), self))


def activations(config: Config, values: Mapping[str, Array]) -> Mapping[str, NamedArray]:
    """Return the activations of an engine, in the order of computation."""
    return MappingProxyType(
        ByName(
            (site.name, NamedArray(site.name, site.axes, values[site.name].toreadonly()))
            for site in sites(config)
        )
    )


def parameters(values: Mapping[str, Array]) -> Mapping[str, NamedArray]:
    """Return weight matrices (outputs, inputs)."""
    return MappingProxyType(
        ByName(
            (name, NamedArray(name, tuple(_AXES.get(_short(name), "CC")), a.toreadonly()))
            for name, a in values.items()
        )
    )


def _short(name: str) -> str:
    return name.rpartition(".")[2]
