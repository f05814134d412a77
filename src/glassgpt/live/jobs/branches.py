"""Jobs about the branches that are not shown: the list, their loss curves, the comparison.

The comparison needs training to be paused, because it moves the other branch to the same position.
"""

from __future__ import annotations

import time
from collections.abc import Sequence

from glassgpt.analysis.baselines import validation_documents, validation_loss
from glassgpt.analysis.comparison import Parting, first_difference
from glassgpt.errors import DivergenceError, GlassError
from glassgpt.live import protocol
from glassgpt.live.jobs.evaluation import drawn
from glassgpt.live.jobs.job import Job, Quick, Work
from glassgpt.live.pacing import SLICE
from glassgpt.live.presenters import Told, results, run
from glassgpt.live.workspace import Workspace
from glassgpt.training.branches import Branch
from glassgpt.training.interventions import Ablate, Edit
from glassgpt.training.session import Session


class Tree(Quick):
    """The list of branches."""

    @classmethod
    def subject(cls, workspace: Workspace) -> object:
        """Return the event itself: it is sent when it has changed."""
        return run.branches(workspace)

    def compute(self) -> Told | None:
        """Return the list."""
        return run.branches(self.workspace), ()


class Curves(Job):
    """The losses of each branch that is not shown."""

    def __init__(self, workspace: Workspace) -> None:
        super().__init__(workspace)
        self._told: dict[int, tuple[int, int]] = {}  # by branch: the version and length of a curve

    @classmethod
    def subject(cls, workspace: Workspace) -> object:  # noqa: ARG003
        """Return a constant: what was sent of each branch is recorded."""
        return True

    def position(self) -> object:
        """Return the version and length of each curve."""
        return self._places()

    def work(self) -> Work:
        """Send one curve after the other."""
        self._told.pop(self.workspace.branches.current.number, None)
        while (branch := self._untold()) is not None:
            self._told[branch.number] = _place(branch)
            yield run.curve(branch)
        return None

    def _untold(self) -> Branch | None:
        for number, place in self._places().items():
            if self._told.get(number) != place:
                return self.workspace.branches[number]
        return None

    def _places(self) -> dict[int, tuple[int, int]]:
        branches = self.workspace.branches
        return {b.number: _place(b) for b in branches if b is not branches.current}


def _place(branch: Branch) -> tuple[int, int]:
    return branch.history.version, branch.history.reached


class Price(Quick):
    """The change of the validation loss caused by setting weights, once for each branch."""

    def __init__(self, workspace: Workspace) -> None:
        super().__init__(workspace)
        self._known: set[int] = set()

    @classmethod
    def subject(cls, workspace: Workspace) -> object:  # noqa: ARG003
        """Return a constant: it is sent once for each branch."""
        return True

    def position(self) -> object:
        """Return the version of the branch that is shown."""
        return self.workspace.history.version

    def compute(self) -> Told | None:
        """Measure before and after the fork."""
        branch = self.workspace.branches.current
        if branch.history.version in self._known:
            return None
        self._known.add(branch.history.version)
        price = _price(self.workspace, branch)
        return None if price is None else (price, ())


def _price(workspace: Workspace, branch: Branch) -> protocol.Price | None:
    """Return the change of the validation loss at the fork of a branch, if it set weights."""
    validator, session = workspace.tools_of(branch).validator, branch.history.session
    blocks = [
        (done.change.block(session.config), getattr(done.change, "value", 0.0))
        for done in branch.changes
        if isinstance(done.change, Edit | Ablate)
    ]
    if validator is None or branch.before is None or not blocks:
        return None
    documents = session.token_lists(validation_documents(session.documents))
    validator.load(branch.before.state)
    before = validation_loss(validator, documents)
    for block, value in blocks:
        validator.fill(block, value)
    after = validation_loss(validator, documents)
    return protocol.Price(branch.number, branch.fork, before, after)


class Comparison(Job):
    """Samples of the compared branch, and its differences from the branch shown."""

    at_rest = True

    @classmethod
    def subject(cls, workspace: Workspace) -> object:
        """Return the two branches, their positions, and how samples are drawn."""
        other = workspace.compared_branch
        if other is None:
            return None
        ours, theirs = workspace.history, other.history
        places = ours.version, ours.session.step, ours.reached, theirs.version, theirs.reached
        return *places, workspace.sampling, workspace.sample_seed, workspace.document

    def work(self) -> Work:
        """Move the other branch to the same position, draw samples from it, and compare."""
        workspace, other = self.workspace, self.workspace.compared_branch
        assert other is not None
        session = other.history.session
        step = min(workspace.session.step, other.history.reached)
        while session.step != step:
            _approach(other, step)
            yield None
        texts = []
        try:
            for one in drawn(workspace, other, workspace.tools_of(other).second_probe(session)):
                texts += [one] if one else []
                yield None
        except GlassError:  # the sampling is not valid for it, or it has diverged
            texts = []
        yield results.samples(workspace, other, step, texts), ()
        return _difference(workspace, workspace.branches.current, other), ()


def _approach(branch: Branch, step: int) -> None:
    """Move a branch towards a position that it has reached before, for about a slice of time."""
    history, end = branch.history, time.perf_counter() + SLICE
    history.approach(step)
    while history.session.step < step and time.perf_counter() < end:
        history.advance(1)


def _difference(workspace: Workspace, here: Branch, other: Branch) -> protocol.Difference:
    ours, theirs = here.history, other.history
    shared = workspace.branches.common(here, other)
    first = first_difference(ours.losses, theirs.losses, shared)
    document, tokens = workspace.passed()
    parted = _parted(workspace, here, other, tokens)
    return results.difference(
        here, other, document, first, parted, _validation_loss(workspace, here, other)
    )


def _parted(
    workspace: Workspace, here: Branch, other: Branch, tokens: Sequence[int]
) -> tuple[Parting, str]:
    """Return where the two first differ on a document, or why they cannot be compared."""
    ours, theirs = here.history.session, other.history.session
    if ours.step != theirs.step:
        return Parting(), ""
    if _sizes(ours) != _sizes(theirs):
        return Parting(), "the two models differ in size or vocabulary"
    probe = workspace.tools_of(other).second_probe(theirs)
    try:
        return probe.part(ours.engine.state(), theirs.engine.state(), tokens), ""
    except DivergenceError as error:  # a run that stopped, at its next step
        return Parting(), error.what


def _sizes(session: Session) -> tuple[object, ...]:
    """Return what two runs must share for their numbers to be compared one by one."""
    config = session.config
    sizes = config.n_layer, config.n_embd, config.n_head, config.block_size
    return *sizes, session.tokenizer.characters


def _validation_loss(workspace: Workspace, *branches: Branch) -> list[float]:
    """Return the validation loss of each branch, an empty list if one cannot be measured."""
    if any(workspace.tools_of(branch).validator is None for branch in branches):
        return []
    try:
        return [workspace.tools_of(b).validation_loss(b.history.session) for b in branches]
    except DivergenceError:
        return []


BRANCHES = (Tree, Curves, Price, Comparison)
