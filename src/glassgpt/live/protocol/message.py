"""The base classes of messages."""

from __future__ import annotations

from typing import TypeAlias

import msgspec

Scalar: TypeAlias = int | float | str


class Message(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="kind"):
    """A message: immutable, its type named by `kind`."""


class Asked(Message, frozen=True, kw_only=True):
    """A command; the page numbers its commands with `id`, and answers refer to that number."""

    id: int = 0


class Answer(Message, frozen=True, kw_only=True, omit_defaults=True):
    """An event; `to` is the id of the command that it answers, and is left out if it is 0."""

    to: int = 0


class Numbered(Answer, frozen=True, kw_only=True):
    """An event that waits until the page has room for it, and that the page acknowledges."""

    seq: int = 0  # counted up by the connection
