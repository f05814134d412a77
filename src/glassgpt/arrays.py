"""Arrays of float64: typed, shaped memoryviews, a container without arithmetic.

The core runs where NumPy is not installed, so numbers are kept in plain buffers. NumPy reads an
`Array` without a copy (`numpy.asarray(a)`), ctypes takes its address, and `a[i, j]` reads one
number. A 0-dimensional array holds one number, read as `a[()]`.
"""

from __future__ import annotations

import array as _array
import math
from collections.abc import Iterable, Sequence
from typing import TypeAlias

Array: TypeAlias = "memoryview[float]"

ITEMSIZE = 8  # bytes in a float64


def zeros(shape: Sequence[int]) -> Array:
    """Return a writable array of `shape`, all zero."""
    return view(bytearray(ITEMSIZE * math.prod(shape)), shape)


def array(of: Iterable[float], shape: Sequence[int]) -> Array:
    """Return a writable array of `shape` filled with the numbers `of` in row-major order."""
    return view(_array.array("d", of), shape)


def view(
    buffer: bytes | bytearray | memoryview | _array.array[float], shape: Sequence[int]
) -> Array:
    """Return `buffer` as float64 of `shape`, without a copy."""
    octets = memoryview(buffer).cast("B")
    assert len(octets) == ITEMSIZE * math.prod(shape), f"{len(octets)} bytes for shape {shape}"
    return octets.cast("d", shape=tuple(shape))


def shape(a: Array) -> tuple[int, ...]:
    """Return the length of each axis."""
    assert a.shape is not None
    return a.shape


def numbers(a: Array) -> list[float]:
    """Return a copy of the numbers of `a` in row-major order."""
    return list(a.cast("B").cast("d"))


def unravel(offset: int, shape: Sequence[int]) -> tuple[int, ...]:
    """Return the index of the number at `offset` in row-major order."""
    index = []
    for length in reversed(shape):
        offset, i = divmod(offset, length)
        index.append(i)
    return tuple(reversed(index))


def frozen(a: Array) -> Array:
    """Return a read-only copy of `a`."""
    return view(a.tobytes(), shape(a))
