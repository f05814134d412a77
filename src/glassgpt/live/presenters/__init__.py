"""Presenters: values of the model and its runs as events of the protocol, and nowhere else."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeAlias

from glassgpt.live import protocol

Told: TypeAlias = "tuple[protocol.Event, Sequence[memoryview[Any]]]"  # an event and its arrays
