"""Presenters: the only place that converts values of models and runs to protocol events."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeAlias

from glassgpt.live import protocol

Told: TypeAlias = "tuple[protocol.Event, Sequence[memoryview[Any]]]"  # an event and its arrays
