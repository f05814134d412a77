"""The state that training changes, as one value."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from glassgpt.arrays import Array, frozen


@dataclass(frozen=True, slots=True)
class State:
    """The parameters and Adam's first and second moments, by name."""

    params: Mapping[str, Array]
    m: Mapping[str, Array]
    v: Mapping[str, Array]

    def groups(self) -> Iterator[tuple[str, Mapping[str, Array]]]:
        """Yield the three mappings, each with the prefix of its names in a file."""
        yield from (("", self.params), ("adam.m.", self.m), ("adam.v.", self.v))

    def frozen(self) -> State:
        """Return a read-only copy."""
        copies = ({name: frozen(a) for name, a in group.items()} for _, group in self.groups())
        return State(*copies)
