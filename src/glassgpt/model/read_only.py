"""A class decorator that makes public attributes read-only."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


def read_only(rule: str) -> Callable[[type[T]], type[T]]:
    """Make public attributes of a class read-only; `rule` is the hint what to do instead."""

    def guarded(owner: type[T]) -> type[T]:
        put, delete = owner.__setattr__, owner.__delattr__

        def refuse(self: T, name: str, what: str) -> None:
            if not name.startswith("_"):
                place = f"{type(self).__name__}.{name}"
                raise AttributeError(f"{place} cannot be {what}\nhint: {rule}")

        def set_attribute(self: T, name: str, value: object) -> None:
            refuse(self, name, "set")
            put(self, name, value)

        def delete_attribute(self: T, name: str) -> None:
            refuse(self, name, "deleted")
            delete(self, name)

        setattr(owner, "__setattr__", set_attribute)  # noqa: B010 - a method cannot be assigned
        setattr(owner, "__delattr__", delete_attribute)  # noqa: B010
        return owner

    return guarded
