"""The ctypes binding of the kernel: its structures, functions and instruction sets."""

from __future__ import annotations

import ctypes
import math
import os
import sys
from collections.abc import Iterator
from ctypes import POINTER, Structure, byref, c_char, c_double, c_int32, c_int64, c_void_p
from functools import cache
from pathlib import Path
from typing import Any

from glassgpt.arrays import ITEMSIZE
from glassgpt.engines import INSTRUCTION_SETS_OF
from glassgpt.errors import EngineError

FOLDER = Path(os.environ.get("GLASSGPT_KERNEL", Path(__file__).parent / "kernel"))
LIBRARIES = {"win32": "glass.dll", "darwin": "libglass.dylib"}
INSTRUCTION_SETS = INSTRUCTION_SETS_OF["fast"]  # widest first
PROBE_BITS = {"sse2": 1, "avx2": 2, "avx512": 4, "neon": 8, "simd128": 16, "generic": 32}
FORCE = "GLASSGPT_ISA"  # the environment variable that forces an instruction set


class Dims(Structure):
    """The sizes of a model."""

    _fields_ = [
        (name, c_int32) for name in ("n_layer", "n_embd", "n_head", "block_size", "vocab_size")
    ]


class AdamSettings(Structure):
    """The settings of one Adam step."""

    _fields_ = [
        *((name, c_double) for name in ("learning_rate", "beta1", "beta2", "eps")),
        ("step", c_int64),
    ]


class Schedule(Structure):
    """The settings of several Adam steps."""

    _fields_ = [
        *((name, c_double) for name in ("learning_rate", "beta1", "beta2", "eps")),
        ("num_steps", c_int64),
    ]


class ArrayInfo(Structure):
    """The place of a named array in the workspace."""

    _fields_ = [
        ("name", c_char * 40),
        ("kind", c_int32),
        ("ndim", c_int32),
        ("offset", c_int64),  # bytes
        ("shape", c_int64 * 3),
        ("strides", c_int64 * 3),  # elements
    ]


# result and argument types of each function; pointers to numbers are passed as addresses
_ONCE: dict[str, tuple[Any, list[Any]]] = {
    "probe": (c_int32, []),
    "workspace_size": (c_int64, [POINTER(Dims)]),
    "arrays": (c_int64, [POINTER(Dims), c_void_p, c_void_p, c_int64]),
}
_MODEL: list[Any] = [POINTER(Dims), c_void_p]
_FOR_EACH: dict[str, tuple[Any, list[Any]]] = {
    "forward": (c_double, [*_MODEL, c_void_p, c_int64]),
    "backward": (None, [*_MODEL, c_void_p, c_int64, c_double]),
    "update": (c_int32, [*_MODEL, POINTER(AdamSettings)]),
    "logits": (None, [*_MODEL, c_void_p, c_int64, c_void_p]),
    "evaluate": (None, [*_MODEL, c_int64, c_void_p, c_void_p, c_void_p]),
    "run": (
        None,
        [*_MODEL, POINTER(Schedule), c_int64, c_void_p, c_void_p, c_int64, c_int64, c_void_p,
         POINTER(c_int64), POINTER(c_int32)],
    ),
    "peak": (c_double, [c_int64, POINTER(c_double)]),
}  # fmt: skip


@cache
def library() -> ctypes.CDLL:
    """Load the kernel's library; raise `EngineError` if it cannot be loaded."""
    path = FOLDER / LIBRARIES.get(sys.platform, "libglass.so")
    try:
        loaded = ctypes.CDLL(str(path))
    except OSError as error:
        reason = str(error) if path.exists() else "it was not built with this installation"
        raise EngineError(
            f"the fast engine's kernel cannot be loaded: {reason}",
            "install a C compiler or the PyPI package ziglang, then reinstall glassgpt from "
            "source; until then use --engine scalar, which computes the same",
        ) from None
    _declare(loaded, _ONCE, "")
    return loaded


def instruction_sets() -> list[str]:
    """Return the instruction sets that both kernel and processor have, widest first."""
    found = library().glass_probe()
    return [name for name in INSTRUCTION_SETS if found & PROBE_BITS[name]]


def chosen(forced: str) -> str:
    """Return the instruction set to use: `forced`, that of the environment, or the widest."""
    available = instruction_sets()
    wanted = forced or os.environ.get(FORCE, "") or available[0]
    if wanted not in available:
        raise EngineError(
            f"instruction set {wanted!r} is not available on this machine",
            f"choose one of: {', '.join(available)} ({FORCE} sets it)",
        )
    return wanted


def declare(instruction_set: str) -> None:
    """Declare the functions of one instruction set to ctypes."""
    _declare(library(), _FOR_EACH, f"_{instruction_set}")


def _declare(where: ctypes.CDLL, table: dict[str, tuple[Any, list[Any]]], suffix: str) -> None:
    for name, (result, arguments) in table.items():
        function = getattr(where, f"glass_{name}{suffix}")
        function.restype, function.argtypes = result, arguments


def is_dense(info: ArrayInfo, shape: tuple[int, ...]) -> bool:
    """Return whether an array has no padding between its rows."""
    return bool(info.strides[0] == math.prod(shape[1:]))


def rows(info: ArrayInfo, shape: tuple[int, ...]) -> Iterator[int]:
    """Yield where each row begins, in numbers from the start of the workspace."""
    first = info.offset // ITEMSIZE
    if len(shape) == 3:
        for i in range(shape[0]):
            at = first + i * info.strides[0]
            yield from range(at, at + shape[1] * info.strides[1], info.strides[1])
    elif len(shape) == 2:
        yield from range(first, first + shape[0] * info.strides[0], info.strides[0])
    else:
        yield first


def core_peak(instruction_set: str, rounds: int) -> float:
    """Multiply and add as fast as one core can; return the number of operations."""
    known = chosen(instruction_set)
    declare(known)
    operations: float = getattr(library(), f"glass_peak_{known}")(rounds, byref(c_double()))
    return operations
