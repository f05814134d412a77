"""The services that a player needs from its process: computing, pauses, and sleep."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Protocol, TypeVar

Result = TypeVar("Result")


class Host(Protocol):
    """What differs between a server and a browser."""

    async def work(self, job: Callable[[], Result]) -> Result:
        """Run a computation."""

    async def pause(self) -> None:
        """Let the messages that have arrived be taken."""

    async def sleep(self, seconds: float | None) -> bool:
        """Sleep until `wake`, at most `seconds` if given; return whether it was woken."""

    def wake(self) -> None:
        """End the sleep; if there is none, the next one ends at once."""


class Bell:
    """Sleep and wake in an asyncio loop."""

    def __init__(self) -> None:
        self._rung = asyncio.Event()

    async def sleep(self, seconds: float | None) -> bool:
        """Sleep until `wake`, at most `seconds` if given; return whether it was woken."""
        try:
            async with asyncio.timeout(seconds):  # wait_for may lose a cancellation in a wake
                await self._rung.wait()
        except TimeoutError:
            return False
        self._rung.clear()
        return True

    def wake(self) -> None:
        """End the sleep; if there is none, the next one ends at once."""
        self._rung.set()
