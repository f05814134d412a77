"""The workspace of a page, as data: its runs, and the choices of the reader.

Independent of clocks, sockets and events.
"""

from __future__ import annotations

import random
from contextlib import suppress
from dataclasses import dataclass, replace

from glassgpt.analysis.baselines import Baselines, validation_documents, validation_loss
from glassgpt.analysis.benchmark import EngineComparison, compare_engines
from glassgpt.analysis.graph import Graph
from glassgpt.analysis.probe import Probe
from glassgpt.analysis.weight_history import WeightHistory
from glassgpt.data.nearest import Nearest
from glassgpt.engines import Engine, create
from glassgpt.errors import EngineError, GlassError
from glassgpt.live.bounds import check_graph, check_sampling
from glassgpt.live.new_run import NewRun, Source
from glassgpt.live.protocol.run_events import JobName
from glassgpt.live.requests import Request, Requests
from glassgpt.model.config import Config, Sampling
from glassgpt.model.parameters import count
from glassgpt.training.branches import Branch, Branches
from glassgpt.training.history import History
from glassgpt.training.interventions import Interventions
from glassgpt.training.link import Experiment
from glassgpt.training.session import Session
from glassgpt.training.snapshot import Snapshot

MAX_WATCHED = 2000  # arrays of one frame
COMPARED_STEPS = 5
COMPARED_PARAMETERS = 20_000  # a scalar step of a larger model is too slow to be timed


@dataclass(slots=True, eq=False)
class RunTools:
    """Shared by all branches of a run: the documents, and what is computed once for them."""

    source: Source
    probe: Probe
    validator: Engine | None  # an engine fast enough for the validation loss, if there is one
    nearest: Nearest
    baselines: Baselines | None = None
    _second: Probe | None = None
    _engines: EngineComparison | None = None

    @classmethod
    def of(cls, source: Source, session: Session) -> RunTools:
        """Return the tools of a run on `source`."""
        probe = Probe(session.engine.name, session.config, session.tokenizer)
        return cls(source, probe, _validator(session), Nearest(source.documents))

    def validation_loss(self, session: Session) -> float:
        """Return the validation loss of a session at its position; needs a validator."""
        assert self.validator is not None, "no engine is fast enough for the validation loss"
        self.validator.load(session.engine.state())
        return validation_loss(
            self.validator, session.token_lists(validation_documents(session.documents))
        )

    def second_probe(self, session: Session) -> Probe:
        """Return a probe for a branch that is not shown; its draws do not affect other probes."""
        if self._second is None:
            self._second = Probe(session.engine.name, session.config, session.tokenizer)
        return self._second

    def engine_comparison(self, session: Session) -> EngineComparison | None:
        """Return the speeds and differences of the engines, None if that would take long."""
        config, size = session.config, session.tokenizer.vocab_size
        if self.validator is None or count(config, size) > COMPARED_PARAMETERS:
            return None
        if self._engines is None:
            steps = min(COMPARED_STEPS, config.num_steps)
            self._engines = compare_engines(config, self.source.documents, steps)
        return self._engines


class Workspace:
    """The branches of one page, which of them is shown, and what the reader chose.

    The run trains `config` on `source` with `engine`, or continues that of
    `snapshot`; `interventions` are its changes, as a link writes them.
    """

    def __init__(
        self,
        source: Source,
        config: Config = Config(),  # noqa: B008 - frozen
        engine: str = "",
        snapshot: Snapshot | None = None,
        interventions: Interventions = (),
    ) -> None:
        self.sampling = Sampling()
        self.sample_seed: int | None = None
        self.document: str | None = None  # the text that the model is run on, if not the run's own
        self.arrays: list[str] = []  # that are sent with each frame
        self.compared: int | None = None  # the compared branch, if the reader chose one
        self.requests = Requests()
        self.weight_history: WeightHistory | None = None  # the last one, which grows with its run
        self.notice = ""  # a message about how the run was opened
        self.pending_link: Experiment | None = None  # a link's run that lacks its documents
        self._graph: tuple[object, Graph] | None = None
        self.branches: Branches
        self._tools: dict[int, RunTools]
        self.restart(NewRun(source, config, engine, snapshot, interventions))

    # -- the runs

    def restart(self, run: NewRun) -> None:
        """Replace all runs by a new one; if this raises `GlassError`, they stay as they were."""
        session = run.session()
        tools = RunTools.of(run.source, session)
        branches = Branches(History(session))
        root = branches.current
        if run.interventions:
            branches.follow(run.interventions)
        self.branches, self._tools = branches, {root.run: tools}
        self.compared = None
        self.fit_choices()

    def begin(self, run: NewRun) -> None:
        """Begin an additional run; if this raises `GlassError`, the others stay as they were."""
        session = run.session()
        tools, before = RunTools.of(run.source, session), self.branches.current
        root = self.branches.begin(History(session))
        self._tools[root.run] = tools
        try:
            if run.interventions:
                self.branches.follow(run.interventions)
        except GlassError:
            self.branches.choose(before.number)
            self.drop(root.number)
            raise
        self.fit_choices()

    def drop(self, number: int) -> None:
        """Forget a branch, and with the last branch of a run its tools."""
        self.branches.drop(number)
        runs = {branch.run for branch in self.branches}
        self._tools = {run: tools for run, tools in self._tools.items() if run in runs}

    @property
    def history(self) -> History:
        """The history of the current branch."""
        return self.branches.current.history

    @property
    def session(self) -> Session:
        """The session of the current branch, at its position."""
        return self.history.session

    @property
    def tools(self) -> RunTools:
        """The tools of the current run."""
        return self.tools_of(self.branches.current)

    def tools_of(self, branch: Branch) -> RunTools:
        """Return the tools of the run that a branch belongs to."""
        return self._tools[branch.run]

    @property
    def compared_branch(self) -> Branch | None:
        """The compared branch: the one chosen, else the parent of the current one, else any."""
        current = self.branches.current
        others = {branch.number for branch in self.branches} - {current.number}
        for number in (self.compared, current.parent, min(others, default=None)):
            if number in others:
                return self.branches[number]
        return None

    # -- what the reader chose

    def fit_choices(self) -> None:
        """Keep the reader's choices that are valid for the current run; end all requests."""
        self.requests.end_all_but()
        self.weight_history = None
        wanted, self.sampling = self.sampling, replace(self.sampling, prefix="")
        with suppress(GlassError):  # a prefix that cannot be spelled, or is too long
            self.sampling = check_sampling(wanted, self.session)
        try:
            self.watch(self.arrays, self.document)
        except GlassError:
            self.watch(self.arrays, None)

    def watch(self, arrays: list[str], document: str | None) -> None:
        """Send these arrays with each frame, computed on `document` or on the run's own.

        Raises `DataError` for a document with characters outside the vocabulary.
        """
        if document is not None:
            self.session.tokens(document)
        probe = self.tools.probe
        self.arrays = [name for name in arrays[:MAX_WATCHED] if probe.knows(name)]
        self.document = document

    def passed(self) -> tuple[str, list[int]]:
        """Return the text that the model is run on, cut to the context, and its ids."""
        text = self.session.document(self.session.step) if self.document is None else self.document
        seen = text[: self.session.config.block_size]
        return seen, self.session.tokens(seen)

    def draw_stream(self, session: Session | None = None) -> random.Random:
        """Return the generator of draws: one with the chosen seed, or a copy of the run's own."""
        if self.sample_seed is not None:
            return random.Random(self.sample_seed)
        copy = random.Random()
        copy.setstate((session or self.session).rng.getstate())
        return copy

    def ask(
        self, job: JobName, computation: object, command: int, *, any_branch: bool = False
    ) -> None:
        """Request a job. It ends when another branch is shown, unless it belongs to any branch."""
        version = None if any_branch else self.history.version
        self.requests.ask(Request(job, computation, version, command))

    def graph(self) -> Graph:
        """Return the scalar engine's graph of the text that the model is run on.

        Raises `EngineError` for a graph that is too large for a page.
        """
        session, (text, tokens) = self.session, self.passed()
        size = session.tokenizer.vocab_size
        check_graph(session.config, size)
        key = (self.history.version, session.step, text)
        if self._graph is None or self._graph[0] != key:
            state = session.engine.state()
            self._graph = (key, Graph(session.config, size, state, tokens))
        return self._graph[1]


def _validator(session: Session) -> Engine | None:
    try:
        return create("fast", session.config, session.tokenizer.vocab_size)
    except EngineError:
        return None
