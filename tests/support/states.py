"""States of engines, packed and compared."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from glassgpt import Session
from glassgpt.arrays import Array, array, numbers, shape
from glassgpt.model.state import State

TOLERANCE = 1e-10  # of an array's largest magnitude: an elementwise error has no meaning near zero


def bits(arrays: Mapping[str, Array]) -> dict[str, bytes]:
    return {name: a.tobytes() for name, a in arrays.items()}


def state_bits(state: State) -> list[dict[str, bytes]]:
    return [bits(group) for _, group in state.groups()]


def assert_close(ours: Mapping[str, Array], theirs: Mapping[str, Array]) -> None:
    assert list(ours) == list(theirs)
    for name in ours:
        a, b = np.asarray(ours[name]), np.asarray(theirs[name])
        assert a.shape == b.shape, name
        finite = np.isfinite(b)
        assert np.array_equal(a[~finite], b[~finite]), name
        scale = np.abs(b[finite]).max(initial=0)
        assert np.abs(a[finite] - b[finite]).max(initial=0) <= TOLERANCE * scale, name


def with_weights(session: Session, weights: list[float]):
    """The session's snapshot with other parameters."""
    snapshot, rest = session.snapshot(), iter(weights)
    params = {
        name: array([next(rest) for _ in numbers(a)], shape(a))
        for name, a in snapshot.state.params.items()
    }
    return replace(snapshot, state=replace(snapshot.state, params=params))
