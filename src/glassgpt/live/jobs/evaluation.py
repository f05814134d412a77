"""Jobs that evaluate the model during training: samples, baselines, validation loss, engines.

They never delay a frame, and while training runs they pause for longer than they work.
"""

from __future__ import annotations

from collections.abc import Iterator

from glassgpt.analysis.baselines import counting
from glassgpt.analysis.probe import Probe
from glassgpt.live import protocol
from glassgpt.live.jobs.job import Job, Quick, Work
from glassgpt.live.presenters import Told, results
from glassgpt.live.workspace import Workspace
from glassgpt.training.branches import Branch

SLICE = 0.003  # seconds of work at a time: a frame that falls due meanwhile is not late
LONG = 0.02  # seconds: a slice of a slow engine takes longer
SAMPLES_REST = 4  # while training runs: the rest, as a multiple of the time the work took
VALIDATION_REST = 10
YIELD = 3  # the delay of these jobs if the cores are busy, as a multiple of a frame's delay


def drawn(workspace: Workspace, branch: Branch, probe: Probe) -> Iterator[protocol.Written | None]:
    """Yield None while the documents are indexed, then samples at a branch's position.

    Training may continue meanwhile.
    """
    session, documents = branch.history.session, workspace.tools_of(branch).nearest
    state, stream = session.engine.state(), workspace.draw_stream(session)
    yield from documents.index()
    for one in probe.write(state, workspace.sampling, stream):
        yield results.written(one, documents)


class Samples(Job):
    """Samples of the model."""

    slice = SLICE
    refuses = "Sample"

    def __init__(self, workspace: Workspace) -> None:
        super().__init__(workspace)
        self._first = True

    @classmethod
    def subject(cls, workspace: Workspace) -> object:
        """Return the branch and how samples are drawn from it."""
        return workspace.history.version, workspace.sampling, workspace.sample_seed

    def position(self) -> object:
        """Return the step."""
        return self.workspace.session.step

    def work(self) -> Work:
        """Draw one sample after the other."""
        workspace, branch = self.workspace, self.workspace.branches.current
        step, texts = workspace.session.step, []
        for one in drawn(workspace, branch, workspace.tools.probe):
            texts += [one] if one else []
            yield None
        self._first = False
        return results.samples(workspace, branch, step, texts), ()

    def rest(self, seconds: float, delay: float) -> float:
        """Rest, but not for the first samples of a fast model."""
        if self._first and seconds <= LONG:
            return 0.0
        return SAMPLES_REST * (seconds + YIELD * delay) + 0.03


class Baselines(Job):
    """The baselines of the documents."""

    slice = SLICE

    @classmethod
    def subject(cls, workspace: Workspace) -> object:
        """Return the tools of the run, to which its documents belong."""
        return workspace.tools

    def work(self) -> Work:
        """Count all documents."""
        tools, tokenizer = self.workspace.tools, self.workspace.session.tokenizer
        if tools.baselines is None:
            everything = map(tokenizer.encode_document, tools.source.documents)
            for found in counting(everything, tokenizer.vocab_size):
                tools.baselines = found
                yield None
        assert tools.baselines is not None
        return results.baselines(tools.baselines), ()


class ValidationLoss(Quick):
    """The validation loss, if an engine is fast enough."""

    @classmethod
    def subject(cls, workspace: Workspace) -> object:
        """Return the branch."""
        return None if workspace.tools.validator is None else workspace.history.version

    def position(self) -> object:
        """Return the step."""
        return self.workspace.session.step

    def compute(self) -> Told | None:
        """Measure."""
        return results.validation_loss(self.workspace.session, self.workspace.tools), ()

    def rest(self, seconds: float, delay: float) -> float:
        """Rest for long: the loss changes slowly."""
        return VALIDATION_REST * (seconds + YIELD * delay) + 0.5


class Engines(Quick):
    """The scalar engine and the fast one compared: their differences, and how fast each is."""

    @classmethod
    def subject(cls, workspace: Workspace) -> object:
        """Return the tools of the run if its engine is the scalar one."""
        return workspace.tools if workspace.session.engine.name == "scalar" else None

    def compute(self) -> Told | None:
        """Take the first steps with both engines."""
        found = self.workspace.tools.engine_comparison(self.workspace.session)
        return None if found is None else (results.engines(found), ())


EVALUATION = (Samples, Baselines, ValidationLoss, Engines)
