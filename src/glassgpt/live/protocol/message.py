"""What all messages are."""

from __future__ import annotations

from typing import TypeAlias

import msgspec

Scalar: TypeAlias = int | float | str


class Message(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="kind"):
    """What all messages are: immutable, told apart by `kind`."""
