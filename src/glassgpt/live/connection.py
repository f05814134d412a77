"""A page that listens: how to reach it, and what it has been sent and not yet drawn.

At most `CREDITS` numbered events are under way, so a slow page gets fewer and never an old one. It
knows no run.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any

from glassgpt.errors import GlassError
from glassgpt.live import protocol


@dataclass(slots=True)
class Listener:
    """One page."""

    send: Callable[[bytes], Awaitable[None]]
    sent: int = 0  # the number of the last event that has one
    drawn: int = 0
    first: int = 0  # the first loss it does not have

    @property
    def credit(self) -> bool:
        """Whether another numbered event may leave."""
        return self.sent - self.drawn < protocol.CREDITS

    def drew(self, seq: int) -> None:
        """Note that it has drawn the event of this number, and all before it."""
        self.drawn = max(self.drawn, min(seq, self.sent))

    async def tell(self, event: protocol.Event, arrays: Sequence[memoryview[Any]] = ()) -> None:
        """Send an event; one with a number is counted."""
        self.sent = max(self.sent, getattr(event, "seq", 0))
        await self.send(protocol.encode_event(event, arrays))

    async def refuse(self, command: str, error: GlassError) -> None:
        """Say why a command cannot be followed."""
        await self.tell(protocol.Refused(command, error.what, error.hint))
