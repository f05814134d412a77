"""Jobs requested by the page. A newer request of the same kind replaces the earlier one."""

from __future__ import annotations

import time
from typing import Any

from glassgpt.analysis.attribution import Attribution
from glassgpt.analysis.preview import Band, PreviewRun
from glassgpt.analysis.probe import sampled
from glassgpt.analysis.verify import Verification
from glassgpt.analysis.weight_history import WeightHistory
from glassgpt.errors import DivergenceError, GlassError
from glassgpt.live import protocol
from glassgpt.live.jobs.job import Job, Work
from glassgpt.live.pacing import SLICE
from glassgpt.live.presenters import results
from glassgpt.live.workspace import Workspace

FIRST_SLICE = 0.03  # seconds: enough for a preview run of the usual size
TOLD_EVERY = 0.1  # seconds between two events about the same work
REST = 2  # while training runs: the rest of long jobs, as a multiple of the time a slice took


class Requested(Job):
    """The work of a request."""

    def __init__(self, workspace: Workspace) -> None:
        super().__init__(workspace)
        assert self.requested is not None
        request = workspace.requests.open(self.requested)
        assert request is not None
        self.computation: Any = request.computation
        self._next_event = 0.0

    @classmethod
    def subject(cls, workspace: Workspace) -> object:
        """Return the request."""
        assert cls.requested is not None
        return workspace.requests.open(cls.requested)

    def is_time(self) -> bool:
        """Whether an event about unfinished work may be sent."""
        now = time.perf_counter()
        if now < self._next_event:
            return False
        self._next_event = now + TOLD_EVERY
        return True


class Preview(Requested):
    """A complete run with other settings."""

    requested = "preview"

    def work(self) -> Work:
        """Train, and at the end sample and measure."""
        run: PreviewRun = self.computation
        run.go_on(SLICE if run.losses else FIRST_SLICE)
        told = 0
        while not run.done:
            event = None
            if self.is_time():
                event, told = results.preview(run, told, [], None), len(run.losses)
            yield event
            run.go_on(SLICE)
        ended_well = not run.stopped
        texts = self._texts(run) if ended_well else []
        return results.preview(run, told, texts, _validation_loss(run) if ended_well else None)

    def _texts(self, run: PreviewRun) -> list[protocol.Written]:
        """Return samples at the end of the run, none if the sampling is not valid for it."""
        workspace, session = self.workspace, run.session
        nearest, stream = workspace.tools.nearest, workspace.draw_stream(session)
        try:
            return [  # without the nearest documents: a preview is drawn again at each change
                results.written(one, nearest, look=False)
                for one in sampled(
                    session.engine, session.tokenizer, session.config, workspace.sampling, stream
                )
            ]
        except GlassError:
            return []


def _validation_loss(run: PreviewRun) -> float | None:
    try:
        return run.validation_loss()
    except DivergenceError:
        return None


class AttributionJob(Requested):
    """Which steps moved a probability most."""

    requested = "attribution"
    refuses = "Attribute"

    def work(self) -> Work:
        """Take all steps again."""
        attribution: Attribution = self.computation
        while not attribution.done:
            attribution.go_on(SLICE)
            if not attribution.done:
                yield results.attribution(attribution) if self.is_time() else None
        return results.attribution(attribution)


class WeightHistoryJob(Requested):
    """The value of a weight at every position."""

    requested = "weight history"

    def work(self) -> Work:
        """Take those steps again whose values are not known yet."""
        past: WeightHistory = self.computation
        while not past.done:
            past.go_on(SLICE)
            if not past.done:
                yield None
        return results.weight_history(past)

    def rest(self, seconds: float, delay: float) -> float:  # noqa: ARG002
        """Leave most of the time to training."""
        return REST * seconds


class SeedBand(Requested):
    """The spread of the run over other seeds."""

    requested = "seed band"

    def work(self) -> Work:
        """Train with one seed after the other."""
        band: Band = self.computation
        while not band.done:
            band.go_on(SLICE)
            if not band.done:
                yield results.seed_band(band) if band.finished and self.is_time() else None
        return results.seed_band(band)

    def rest(self, seconds: float, delay: float) -> float:  # noqa: ARG002
        """Leave most of the time to training."""
        return REST * seconds


class Verifying(Requested):
    """The check of the current engine against the scalar one."""

    requested = "verification"
    refuses = "Verify"

    def work(self) -> Work:
        """Take each step with both engines."""
        run: Verification = self.computation
        while run.step < run.steps:
            run.advance(1)
            if run.step < run.steps:
                yield (results.verification(run), ()) if self.is_time() else None
        return results.verification(run), ()


REQUESTED = (Preview, AttributionJob, WeightHistoryJob, SeedBand, Verifying)  # the shortest first
