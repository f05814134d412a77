"""Playback: whether training runs, its target step, and the steps that are due."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable

from glassgpt.errors import ConfigError, DivergenceError
from glassgpt.live.jobs.scheduler import Compute
from glassgpt.live.pacing import Clock
from glassgpt.live.workspace import Workspace


class Playback:
    """Play, pause and seek over the current branch of a workspace.

    `stopped` is called when a step would give a number that is not finite; training is paused.
    """

    def __init__(
        self,
        workspace: Workspace,
        compute: Compute,
        stopped: Callable[[DivergenceError], Awaitable[None]],
    ) -> None:
        self.playing = False
        self.target: int | None = None  # the step that a seek goes to
        self.clock = Clock()
        self._workspace = workspace
        self._compute = compute
        self._stopped = stopped

    @property
    def moving(self) -> bool:
        """Whether steps are to be taken."""
        return self.playing or self.target is not None

    @property
    def position(self) -> int:
        """The current position, or the target of a seek."""
        return self._workspace.session.step if self.target is None else self.target

    def play(self) -> None:
        """Start training, during a seek from its target."""
        if not self._workspace.session.steps_left:
            raise ConfigError("the run has taken all its steps", "go back, or train further")
        self.playing = True
        self.restart_clock()

    def pause(self) -> None:
        """Stop taking steps."""
        self.playing, self.target = False, None

    def set_pace(self, steps_per_second: float) -> None:
        """Set the pace; 0 is as fast as possible."""
        if not 0 <= steps_per_second <= 1e6:
            raise ConfigError(
                f"the pace is {steps_per_second!r} steps a second, but must be between 0 and 1e6"
            )
        self.clock.pace = steps_per_second
        self.restart_clock()

    def begin_again(self) -> None:
        """Pause at a new run, and measure the time of its steps from the beginning."""
        self.pause()
        self.clock = Clock(self.clock.pace)
        self.restart_clock()

    def restart_clock(self) -> None:
        """Count the steps that are due from now on."""
        self.clock.start(self._workspace.session.step)

    async def seek(self, step: int) -> None:
        """Go to a step, and pause there."""
        history = self._workspace.history
        step = min(max(step, history.begin), history.config.num_steps)
        await self._compute(lambda: history.approach(step))
        self.playing, self.target = False, step
        self.restart_clock()
        steps = step - self._workspace.session.step
        if 0 < steps <= self.clock.most:
            await self.train(steps)  # at once: a frame on the way would only delay it
        elif not steps:
            self.target = None

    def due(self, wait: float) -> int:
        """Return how many steps to take now, few enough for a slice of time.

        `wait` is the number of seconds until the next steps are due.
        """
        session = self._workspace.session
        if self.target is not None:
            return min(self.clock.most, max(0, self.target - session.step))
        if not self.playing or wait > 0:
            return 0
        return min(self.clock.due(), session.steps_left)

    async def train(self, steps: int) -> None:
        """Take `steps` steps."""
        workspace = self._workspace
        began = time.process_time()  # without waiting for a core, or it could never catch up
        try:
            await self._compute(lambda: workspace.history.advance(steps))
        except DivergenceError as error:
            await self._stopped(error)
        step = workspace.session.step
        self.clock.took(steps, time.process_time() - began, step)
        if self.target is not None and step >= self.target:
            self.target = None
        if self.playing and not workspace.session.steps_left:
            self.playing = False
