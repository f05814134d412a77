"""The bell: a sleep that a wake ends, none lost between two sleeps."""

from __future__ import annotations

import asyncio

import pytest

from glassgpt.live.host import Bell


def test_a_sleep_ends_when_its_time_is_over() -> None:
    assert not asyncio.run(Bell().sleep(0.001))


def test_a_wake_ends_a_sleep_without_a_time() -> None:
    async def woken() -> bool:
        bell = Bell()
        asyncio.get_running_loop().call_later(0.01, bell.wake)
        return await bell.sleep(None)

    assert asyncio.run(asyncio.wait_for(woken(), 5))


def test_a_wake_before_a_sleep_ends_the_next_one_and_no_other() -> None:
    async def slept() -> list[bool]:
        bell = Bell()
        bell.wake()
        bell.wake()
        return [await bell.sleep(60), await bell.sleep(0.001)]

    assert asyncio.run(slept()) == [True, False]


def test_a_cancelled_sleep_is_cancelled() -> None:
    async def cancelled() -> None:
        sleep = asyncio.ensure_future(Bell().sleep(60))
        await asyncio.sleep(0)
        sleep.cancel()
        await sleep

    with pytest.raises(asyncio.CancelledError):
        asyncio.run(cancelled())
