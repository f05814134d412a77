"""Frames: when the next one is due, and what it contains."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable

from glassgpt.errors import DivergenceError, GlassError
from glassgpt.live.connection import Connection
from glassgpt.live.jobs.scheduler import Compute
from glassgpt.live.pacing import Contention
from glassgpt.live.playback import Playback
from glassgpt.live.presenters import Told
from glassgpt.live.presenters.run import frame
from glassgpt.live.workspace import Workspace

FRAME = 1 / 125  # seconds between two frames, if the page has drawn the previous one
AHEAD = 1 / 90  # and if it has not: while a distant page draws one frame, the next is on its way
LONG_LOOK = 0.025  # seconds: a frame that takes longer is followed by a rest
LOOK_REST = 4  # while training runs: that rest, as a multiple of the time the frame took


class Frames:
    """The frames of a workspace for one page."""

    def __init__(
        self,
        workspace: Workspace,
        playback: Playback,
        contention: Contention,
        compute: Compute,
        stopped: Callable[[DivergenceError], Awaitable[None]],
    ) -> None:
        self._workspace = workspace
        self._playback = playback
        self._contention = contention
        self._compute = compute
        self._stopped = stopped
        self.restart()

    def restart(self) -> None:
        """Show a new run at once."""
        self.current = False  # whether the last frame is up to date
        self._sent_at = self._rests_until = 0.0

    def due_at(self, page: Connection) -> float:
        """Return when the next frame may be sent.

        It is sent once the previous one is drawn, so it has the whole time between two refreshes of
        the screen to arrive; later if the cores are busy, so that training keeps its pace. While
        training runs, an engine that needs long for a frame rests, so that most of its time goes
        into steps.
        """
        between = FRAME if page.drawn == page.sent else AHEAD
        due = self._sent_at + between + self._contention.delay
        return max(due, self._rests_until) if self._playback.moving else due

    async def show(self, page: Connection) -> bool:
        """Send a frame if there is something new and it is time; return whether it was sent."""
        now = time.perf_counter()
        if self.current or now < self.due_at(page):
            return False
        self._sent_at, busy = now, time.process_time()
        self.current = True
        try:
            event, arrays = await self._compute(lambda: self._frame(page, self._workspace.arrays))
            took = time.perf_counter() - now
            self._rests_until = now + LOOK_REST * took if took > LONG_LOOK else 0.0
        except DivergenceError as error:  # the next update would not be finite
            step, document = self._workspace.session.step, self._workspace.passed()[0]
            await self._stopped(error.at(step + 1, document))
            event, arrays = self._frame(page, self._without_pass())
        except GlassError as error:  # a watched text that this vocabulary cannot spell
            self._workspace.document = None
            self.current = False
            await page.refuse("Watch", error)
            return False
        page.first = self._workspace.history.reached
        await page.tell(event, arrays)
        self._contention.waited(time.perf_counter() - now - (time.process_time() - busy))
        return True

    def _frame(self, page: Connection, arrays: list[str]) -> Told:
        playback = self._playback
        return frame(
            self._workspace,
            arrays,
            page.first,
            playing=playback.playing,
            busy=playback.target is not None,
            pace=playback.clock.pace,
            speed=playback.clock.speed if playback.moving else 0.0,
        )

    def _without_pass(self) -> list[str]:
        """Return the arrays to send if the forward pass is not finite: the weights and moments."""
        params = self._workspace.session.engine.state().params
        kinds = [name.partition(":") for name in self._workspace.arrays]
        return [f"{kind}:{name}" for kind, _, name in kinds if kind != "grad" and name in params]
