"""A run on show: session, history and glass together, described in the events of the protocol.

It answers what can be asked of a run that stands still. It knows no clock and no socket.
"""

from __future__ import annotations

import dataclasses
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from glassgpt.analysis.baselines import counting, held_out, held_out_loss, seen_count
from glassgpt.analysis.benchmark import largest_difference, time_steps
from glassgpt.analysis.explain import Account
from glassgpt.analysis.glass import Glass, Sampled
from glassgpt.analysis.graph import Graph, Link
from glassgpt.data.nearest import Nearest
from glassgpt.engines import ENGINES, Engine, create, default_engine
from glassgpt.engines.graph import graph_size
from glassgpt.errors import ConfigError, EngineError, GlassError, counted
from glassgpt.live import protocol
from glassgpt.live.new_run import Source, check_bounds, made_of
from glassgpt.model import parameters as params
from glassgpt.model.activations import sites
from glassgpt.model.config import Config, Sampling, Setting, hyper, settings
from glassgpt.model.tokenizer import Tokenizer
from glassgpt.training.branches import MAX_BRANCHES, Branch, Branches
from glassgpt.training.history import History
from glassgpt.training.interventions import Edit, Interventions, Silence, held, write
from glassgpt.training.link import Experiment, carried, write_link
from glassgpt.training.session import Session
from glassgpt.training.snapshot import Snapshot

MAX_SAMPLES = 200
MAX_READ = 1000  # documents of one answer
COMPARED_STEPS = 5
COMPARED_PARAMETERS = 20_000  # of a larger model a scalar step takes too long to be timed aside
MAX_GRAPH = 400_000  # nodes of a scalar graph: some 80 MB, which every tab may hold
MAX_WAYS = 10**300  # more than a float64 counts
POINTS = 101  # of the learning rate's schedule

Told: TypeAlias = "tuple[protocol.Event, Sequence[memoryview[Any]]]"


@dataclass(frozen=True, slots=True)
class Stage:
    """What surrounds a run and all branches of it: documents, and engines to look through."""

    source: Source
    glass: Glass
    judge: Engine | None
    nearest: Nearest

    @classmethod
    def of(cls, source: Source, session: Session) -> Stage:
        """Return the surroundings of a run on `source`."""
        config, tokenizer = session.config, session.tokenizer
        glass = Glass(session.engine.name, config, tokenizer)
        return cls(source, glass, _new_judge(session), Nearest(source.documents))


class Exhibit:
    """A run of `config` on `source` and its branches, computed by `engine` and one to look through.

    `interventions` are what is done to the run on its way, as a link says it.
    """

    def __init__(
        self,
        source: Source,
        config: Config = Config(),  # noqa: B008 - frozen
        engine: str = "",
        snapshot: Snapshot | None = None,
        interventions: Interventions = (),
    ) -> None:
        session = _new_session(source, config, engine, snapshot)
        self.branches = Branches(History(session))
        self._stages = {self.branches.current.run: Stage.of(source, session)}
        if interventions:
            self.branches.follow(interventions)
        self.sampling = Sampling()
        self.sample_seed: int | None = None
        self._compared: protocol.Compared | None = None
        self._graph: tuple[object, Graph] | None = None

    def begin(
        self,
        source: Source,
        config: Config,
        engine: str,
        interventions: Interventions = (),
        snapshot: Snapshot | None = None,
    ) -> None:
        """Begin another run beside those there are, or go on with that of `snapshot`.

        Raises `ConfigError` where there is no room for it.
        """
        session = _new_session(source, config, engine, snapshot)
        stage = Stage.of(source, session)
        self._stages[self.branches.begin(History(session)).run] = stage
        if interventions:
            self.branches.follow(interventions)
        self._compared = None

    def drop(self, number: int) -> None:
        """Forget a branch, and what surrounds its run with the last branch of it."""
        self.branches.drop(number)
        runs = {branch.run for branch in self.branches}
        self._stages = {run: stage for run, stage in self._stages.items() if run in runs}

    # -- what is shown: the current branch

    @property
    def history(self) -> History:
        """What the branch has done."""
        return self.branches.current.history

    @property
    def session(self) -> Session:
        """The run itself, at its position."""
        return self.history.session

    @property
    def source(self) -> Source:
        """Its documents, in file order."""
        return self.stage().source

    @property
    def glass(self) -> Glass:
        """What it is seen through."""
        return self.stage().glass

    @property
    def judge(self) -> Engine | None:
        """The engine that is quick enough for the held-out loss, if there is one."""
        return self.stage().judge

    def sources(self) -> dict[str, Source]:
        """Return the documents of all runs, by their fingerprint."""
        return {
            branch.history.recipe.data_sha256: self._stages[branch.run].source
            for branch in self.branches
        }

    def stage(self, number: int | None = None) -> Stage:
        """Return what surrounds a branch, or the current one."""
        branch = self.branches.current if number is None else self.branches[number]
        return self._stages[branch.run]

    # -- who it is

    def hello(
        self, run: str, pace: float, notice: str, waiting: protocol.Waiting | None = None
    ) -> protocol.Hello:
        """Return the run, whole."""
        session = self.session
        lengths = sorted(len(document) + 1 for document in session.documents)
        context = session.config.block_size
        return protocol.Hello(
            version=protocol.VERSION,
            run=run,
            engine=protocol.EngineFacts(session.engine.name, session.engine.instruction_set),
            engines=[name for name in ENGINES if name == "scalar" or default_engine()[0] == "fast"],
            settings=[_setting_facts(setting) for setting in settings(Config)],
            sampling_settings=[_setting_facts(setting) for setting in settings(Sampling)],
            config=dataclasses.asdict(self.history.config),
            sampling=dataclasses.asdict(self.sampling),
            sample_seed=self.sample_seed,
            sites=[
                protocol.SiteFacts(s.name, list(s.axes), s.op, list(s.inputs), s.sentence, s.weight)
                for s in sites(session.config)
            ],
            params=[
                protocol.ParamFacts(name, list(size))
                for name, size in params.shapes(
                    session.config, session.tokenizer.vocab_size
                ).items()
            ],
            parameters=params.count(session.config, session.tokenizer.vocab_size),
            characters=list(session.tokenizer.characters),
            data_name=session.recipe.data_name,
            data_sha256=session.recipe.data_sha256,
            documents=len(session.documents),
            unseen_from=len(session.documents) - len(held_out(session.documents)),
            longest=min(context, lengths[-1]),
            typical=min(context, lengths[int(0.98 * (len(lengths) - 1))]),
            clipped=sum(length > context for length in lengths),
            begin=self.history.begin,
            reached=self.history.reached,
            pace=pace,
            schedule=self.schedule(),
            link=self.link(),
            notice=notice,
            waiting=waiting,
        )

    def link(self) -> str:
        """Return the experiment without its position, which moves and is the page's to add."""
        return write_link(
            Experiment(
                recipe=self.history.recipe,
                sampling=self.sampling,
                sample_seed=self.sample_seed,
                engine=""
                if self.session.engine.name == default_engine()[0]
                else self.session.engine.name,
                documents=carried(self.source.documents),
            )
        )

    def schedule(self) -> list[float]:
        """Return the learning rate at evenly spaced positions, from the first to the last."""
        history = self.history
        places = [round(i * history.config.num_steps / (POINTS - 1)) for i in range(POINTS)]
        configs = (history.recipe.config_at(place) for place in places)
        return [hyper(c, place).learning_rate for c, place in zip(configs, places, strict=True)]

    # -- what it looks like at its position

    def document(self, watched: str | None) -> tuple[str, list[int]]:
        """Return the text in the machine, as far as the context holds it, and its tokens."""
        text = self.session.document(self.session.step) if watched is None else watched
        seen = text[: self.session.config.block_size]
        return seen, self.session.tokens(seen)

    def rate(self) -> float:
        """Return the learning rate of the next update."""
        return hyper(self.session.config, self.session.step).learning_rate

    def spell(self, index: int) -> Told:
        """Return one sample of the position, opened draw by draw."""
        if not 0 <= index < self.sampling.num_samples:
            raise ConfigError(
                f"there is no sample number {index}", f"there are {self.sampling.num_samples}"
            )
        spelled = self.glass.spell(
            self.session.engine.state(), self.sampling, self.draw_stream(), index
        )
        event = protocol.Spelling(
            index=index,
            step=self.session.step,
            text=spelled.text,
            prefix=self.session.tokenizer.encode(self.sampling.prefix),
            tokens=spelled.tokens,
            temperature=self.sampling.temperature,
            arrays=protocol.heads(spelled.arrays),
        )
        return event, list(spelled.arrays.values())

    def samples(
        self, branch: Branch | None = None, glass: Glass | None = None
    ) -> Iterator[protocol.Written | None]:
        """Yield None while the documents are indexed, then the samples of the position.

        Training may go on meanwhile.
        Those of another `branch` are those of where it stands, drawn through a `glass` of its own.
        """
        branch = branch or self.branches.current
        stage, session = self._stages[branch.run], branch.history.session
        state, stream = session.engine.state(), self.draw_stream(session)
        yield from stage.nearest.index()
        for one in (glass or stage.glass).write(state, self.sampling, stream):
            yield self.written(one, stage)

    def written(
        self, one: Sampled, stage: Stage | None = None, *, look: bool = True
    ) -> protocol.Written:
        """Return a sample, measured by the documents (of those that are shown, if no others).

        The nearest of them is left out where it is not to be looked for.
        """
        documents = (stage or self.stage()).nearest
        nearest, distance = documents.of(one.text) if look else ("", 0)
        seen = documents.knows(one.text)
        return protocol.Written(one.text, seen, one.probability, one.ended, nearest, distance)

    def draw_stream(self, session: Session | None = None) -> random.Random:
        """Return what draws: the seed asked for, or a copy of the run's own stream."""
        if self.sample_seed is not None:
            return random.Random(self.sample_seed)
        copy = random.Random()
        copy.setstate((session or self.session).rng.getstate())
        return copy

    # -- what it is measured by

    def measures(self) -> Iterator[protocol.Measures | None]:
        """Yield None while the yardsticks are counted from all documents, and at last them."""
        tokenizer = self.session.tokenizer
        everything = map(tokenizer.encode_document, self.source.documents)
        for found in counting(everything, tokenizer.vocab_size):
            yield protocol.Measures(**dataclasses.asdict(found)) if found else None

    def held_out(self, seq: int) -> protocol.HeldOut:
        """Return the loss on the last tenth, by the engine that is quick enough."""
        assert self.judge is not None, "no engine is quick enough for the held-out loss"
        documents = held_out(self.session.documents)
        loss = self.judged(self.branches.current)
        seen = seen_count(self.session.documents, self.session.step)
        return protocol.HeldOut(seq, self.session.step, loss, len(documents), seen, self.judge.name)

    def judged(self, branch: Branch) -> float:
        """Return the held-out loss of a branch where it stands; needs a judge."""
        session = branch.history.session
        judge = self._stages[branch.run].judge
        assert judge is not None, "no engine is quick enough for the held-out loss"
        judge.load(session.engine.state())
        return held_out_loss(judge, session.token_lists(held_out(session.documents)))

    def price(self, branch: Branch) -> protocol.Price | None:
        """Return what the fork of `branch` cost in held-out loss, where it set weights."""
        judge, session = self._stages[branch.run].judge, branch.history.session
        blocks = [
            (done.change.block(session.config), getattr(done.change, "value", 0.0))
            for done in branch.changes
            if isinstance(done.change, Edit | Silence)
        ]
        if judge is None or branch.before is None or not blocks:
            return None
        documents = session.token_lists(held_out(session.documents))
        judge.load(branch.before.state)
        before = held_out_loss(judge, documents)
        for block, value in blocks:
            judge.fill(block, value)
        after = held_out_loss(judge, documents)
        return protocol.Price(branch.number, branch.fork, before, after)

    def compared(self) -> protocol.Compared | None:
        """Return how far and how fast the engines are on this run, where that is soon known."""
        config, documents = self.session.config, self.source.documents
        size = params.count(config, self.session.tokenizer.vocab_size)
        if self.judge is None or size > COMPARED_PARAMETERS:
            return None
        if self._compared is None:
            steps = min(COMPARED_STEPS, config.num_steps)
            runs = {name: Session(config, documents, engine=name) for name in ("fast", "scalar")}
            rates = {name: 1 / time_steps(run, steps, 1) for name, run in runs.items()}
            difference = largest_difference("fast", config, documents, steps)
            self._compared = protocol.Compared(rates, steps, difference)
        return self._compared

    # -- what it answers

    def tree(self, beside: int | None) -> protocol.Branches:
        """Return all branches."""
        current = self.branches.current
        return protocol.Branches(
            current=current.number,
            beside=beside,
            undo=current.parent is not None,
            redo=self.branches.can_redo,
            most=MAX_BRANCHES,
            branches=[self._branch_facts(branch) for branch in self.branches],
        )

    def _branch_facts(self, branch: Branch) -> protocol.BranchFacts:
        history = branch.history
        return protocol.BranchFacts(
            number=branch.number,
            parent=branch.parent,
            run=branch.run,
            fork=branch.fork,
            words=[f"{done.change.words()} at step {done.step}" for done in branch.changes],
            changes=write(branch.changes),
            held=[silence.name for silence in held(history.recipe.interventions)],
            config=dataclasses.asdict(history.config),
            data_name=history.recipe.data_name,
            engine=history.session.engine.name,
        )

    def explain(self, address: str, watched: str | None) -> protocol.Explained:
        """Return why a number of the machine is what it is."""
        text, tokens = self.document(watched)
        session, step = self.session, self.session.step
        try:
            told, check = self.glass.explain(
                address, session.config, step, session.engine.state(), tokens
            )
        except GlassError as error:
            return protocol.Explained(address, step, text, None, 0, 0, None, error.what, error.hint)
        counts = len(told.value.terms), len(told.gradient.terms)
        brief = dataclasses.replace(told, value=_brief(told.value), gradient=_brief(told.gradient))
        return protocol.Explained(address, step, text, brief, *counts, check, "", "")

    def check_graph(self) -> None:
        """Raise `EngineError` where the scalar engine's graph is too large for a page."""
        config, size = self.session.config, self.session.tokenizer.vocab_size
        context = config.block_size
        nodes = graph_size(config, size, context, min(context, size))
        if nodes > MAX_GRAPH:
            raise EngineError(
                f"a full context of this model would be a graph of {nodes:,} nodes; "
                f"a page takes {MAX_GRAPH:,}",
                "begin a smaller run, or look in the terminal: glassgpt explain --graph, verify",
            )

    def enter(self, asked: protocol.Enter, watched: str | None) -> protocol.Neighbours:
        """Return a node of the scalar engine's graph and its neighbours.

        Raises `AddressError` or `EngineError` where there is none.
        """
        session = self.session
        self.check_graph()
        text, tokens = self.document(watched)
        key = (self.branches.current.number, session.step, text, session.config)
        if self._graph is None or self._graph[0] != key:
            state = session.engine.state()
            size = session.tokenizer.vocab_size
            self._graph = (key, Graph(session.config, size, state, tokens))
        return neighbours(self._graph[1], asked, session.step, text)

    def tokens(self, text: str) -> protocol.Tokens:
        """Return what the tokenizer makes of `text`."""
        try:
            return protocol.Tokens(text, self.session.tokenizer.encode(text), "", "")
        except GlassError as error:
            return protocol.Tokens(text, [], error.what, error.hint)

    def documents(self, first: int, count: int) -> protocol.Documents:
        """Return documents in the order of training, of each what the context holds."""
        first, context = max(0, first), self.session.config.block_size
        some = self.session.documents[first : first + max(0, min(count, MAX_READ))]
        return protocol.Documents(first, [document[:context] for document in some])


def check_sampling(values: dict[str, protocol.Scalar], exhibit: Exhibit) -> Sampling:
    """Return the sampling, or raise where this model cannot draw like that."""
    sampling = made_of(Sampling, {**dataclasses.asdict(exhibit.sampling), **values})
    if sampling.num_samples > MAX_SAMPLES:
        raise ConfigError(
            f"samples is {sampling.num_samples:,}, but a page shows at most {MAX_SAMPLES}",
            "draw more in the terminal: glassgpt sample",
        )
    exhibit.session.tokenizer.encode(sampling.prefix)
    if len(sampling.prefix) >= exhibit.session.config.block_size:
        raise ConfigError(
            f"the prefix has {counted(len(sampling.prefix), 'character')}, but before a draw "
            f"the context has room for {exhibit.session.config.block_size - 1}",
            "shorten it, or begin a run with a larger block_size",
        )
    return sampling


def neighbours(
    graph: Graph, asked: protocol.Enter, step: int, document: str
) -> protocol.Neighbours:
    """Return what was asked of a graph."""
    number = graph.find(asked.address) if asked.address else asked.node
    if not 0 <= number < graph.node_count:
        raise ConfigError(f"there is no node {number}", f"there are {graph.node_count:,}, from 0")

    def told(link: Link) -> protocol.NodeFacts:
        node = graph.node(link.node)
        return protocol.NodeFacts(
            node.number, node.op, node.data, node.grad, list(node.names), link.local
        )

    node = graph.node(number)
    path = graph.strongest_path(number) if asked.path else None
    return protocol.Neighbours(
        step=step,
        document=document,
        nodes=graph.node_count,
        edges=graph.edge_count,
        node=told(Link(number, 1.0)),
        children=[told(link) for link in node.children],
        parents=[told(link) for link in node.parents[: protocol.MAX_TERMS]],
        parent_count=len(node.parents),
        path=[told(Link(i, 1.0)) for i in path.nodes] if path else [],
        product=path.product if path else 0.0,
        ways=float(min(path.ways, MAX_WAYS)) if path else 0.0,
    )


def _brief(account: Account) -> Account:
    return dataclasses.replace(account, terms=account.terms[: protocol.MAX_TERMS])


def _new_session(
    source: Source, config: Config, engine: str, snapshot: Snapshot | None = None
) -> Session:
    check_bounds(config, Tokenizer.of(source.documents).vocab_size)
    if snapshot is not None:
        return Session.resumed(snapshot, source.documents)
    return Session(config, source.documents, engine=engine, data_name=source.name, cut=source.cut)


def _new_judge(session: Session) -> Engine | None:
    try:
        return create("fast", session.config, session.tokenizer.vocab_size)
    except EngineError:
        return None


def _setting_facts(setting: Setting) -> protocol.SettingFacts:
    return protocol.SettingFacts(**dataclasses.asdict(setting), type=type(setting.default).__name__)
