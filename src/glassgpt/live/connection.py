"""The connection to one page, with flow control.

At most `CREDITS` numbered events are sent before the page has drawn the first of them, so a slow
page gets fewer events, always the newest.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any

from msgspec.structs import replace

from glassgpt.errors import GlassError
from glassgpt.live import protocol


@dataclass(slots=True)
class Connection:
    """A page that is connected."""

    send: Callable[[bytes], Awaitable[None]]
    sent: int = 0  # the number of the last numbered event
    drawn: int = 0
    first: int = 0  # the index of the first loss that the page does not have

    @property
    def credit(self) -> bool:
        """Whether another numbered event may be sent."""
        return self.sent - self.drawn < protocol.CREDITS

    def drew(self, seq: int) -> None:
        """Note that the page has drawn the event of this number, and all before it."""
        self.drawn = max(self.drawn, min(seq, self.sent))

    async def tell(
        self,
        event: protocol.Event,
        arrays: Sequence[memoryview[Any]] = (),
        to: int = 0,
    ) -> None:
        """Send an event, as the answer to the command with the id `to`."""
        if isinstance(event, protocol.Numbered):
            self.sent += 1
            event = replace(event, seq=self.sent)
        if to:
            event = replace(event, to=to)
        await self.send(protocol.encode_event(event, arrays))

    async def refuse(self, command: str, error: GlassError, to: int = 0) -> None:
        """Send the reason why a command is refused."""
        await self.tell(protocol.Refused(command, error.what, error.hint), to=to)
