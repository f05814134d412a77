"""Answers to questions about a run, as events."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from glassgpt.analysis.explain import Breakdown
from glassgpt.analysis.graph import Graph, Link
from glassgpt.data.documents import fingerprint
from glassgpt.errors import ConfigError, GlassError
from glassgpt.live import protocol
from glassgpt.live.bounds import check_model
from glassgpt.live.new_run import Source, Text, made_of
from glassgpt.live.presenters import Told
from glassgpt.live.workspace import Workspace
from glassgpt.model.config import Config
from glassgpt.model.tokenizer import Tokenizer

MAX_READ = 1000  # documents of one answer
MAX_WAYS = 10**300  # more than a float64 counts
BYTES_PER_PARAMETER = 8 * 12  # weights, gradients, moments, in three engines
EXAMPLES = 12  # documents


def spelling(workspace: Workspace, index: int) -> Told:
    """Return one sample of the position, draw by draw."""
    sampling, session = workspace.sampling, workspace.session
    if not 0 <= index < sampling.num_samples:
        raise ConfigError(
            f"there is no sample number {index}",
            f"there are {sampling.num_samples}, counted from 0",
        )
    stream, state = workspace.draw_stream(), session.engine.state()
    spelled = workspace.tools.probe.spell(state, sampling, stream, index)
    event = protocol.Spelling(
        index=index,
        step=session.step,
        text=spelled.text,
        prefix=session.tokenizer.encode(sampling.prefix),
        tokens=spelled.tokens,
        temperature=sampling.temperature,
        arrays=protocol.heads(spelled.arrays),
    )
    return event, list(spelled.arrays.values())


def explained(workspace: Workspace, address: str) -> protocol.Explained:
    """Return the explanation of a number of the model."""
    text, tokens = workspace.passed()
    session, step = workspace.session, workspace.session.step
    try:
        told, check = workspace.tools.probe.explain(
            address, session.config, step, session.engine.state(), tokens
        )
    except GlassError as error:
        return protocol.Explained(address, step, text, None, 0, 0, None, error.what, error.hint)
    counts = len(told.value.terms), len(told.gradient.terms)
    brief = replace(told, value=_brief(told.value), gradient=_brief(told.gradient))
    return protocol.Explained(address, step, text, brief, *counts, check, "", "")


def _brief(breakdown: Breakdown) -> Breakdown:
    return replace(breakdown, terms=breakdown.terms[: protocol.MAX_TERMS])


def neighbours(workspace: Workspace, asked: protocol.Enter) -> protocol.Neighbours:
    """Return a node of the scalar engine's graph and its neighbours.

    Raises `AddressError`, `ConfigError` or `EngineError` if there is no such node.
    """
    graph = workspace.graph()
    number = graph.find(asked.address) if asked.address else asked.node
    if not 0 <= number < graph.node_count:
        raise ConfigError(f"there is no node {number}", f"choose 0 to {graph.node_count - 1:,}")
    node = graph.node(number)
    path = graph.strongest_path(number) if asked.path else None
    return protocol.Neighbours(
        step=workspace.session.step,
        document=workspace.passed()[0],
        nodes=graph.node_count,
        edges=graph.edge_count,
        node=_node_facts(graph, Link(number, 1.0)),
        children=[_node_facts(graph, link) for link in node.children],
        parents=[_node_facts(graph, link) for link in node.parents[: protocol.MAX_TERMS]],
        parent_count=len(node.parents),
        path=[_node_facts(graph, Link(i, 1.0)) for i in path.nodes] if path else [],
        product=path.product if path else 0.0,
        ways=float(min(path.ways, MAX_WAYS)) if path else 0.0,
    )


def _node_facts(graph: Graph, link: Link) -> protocol.NodeFacts:
    node = graph.node(link.node)
    return protocol.NodeFacts(
        node.number, node.op, node.data, node.grad, list(node.names), link.local
    )


def tokens(workspace: Workspace, text: str) -> protocol.Tokens:
    """Return the tokens of `text`, or why it has none."""
    try:
        return protocol.Tokens(text, workspace.session.tokenizer.encode(text), "", "")
    except GlassError as error:
        return protocol.Tokens(text, [], error.what, error.hint)


def documents(workspace: Workspace, first: int, count: int) -> protocol.Documents:
    """Return documents in the order of training, each cut to the context."""
    session = workspace.session
    first, context = max(0, first), session.config.block_size
    some = session.documents[first : first + max(0, min(count, MAX_READ))]
    return protocol.Documents(first, [document[:context] for document in some])


def considered(
    source: Source, values: dict[str, protocol.Scalar], text: Text | None = None
) -> protocol.Considered:
    """Return the facts of a new run with these settings and documents, or why it is not valid."""
    tokenizer = Tokenizer.of(source.documents)
    try:
        parameters = check_model(made_of(Config, values), tokenizer.vocab_size)
        problem = hint = ""
    except GlassError as error:
        parameters, problem, hint = 0, error.what, error.hint
    block_size = values.get("block_size", Config().block_size)
    context = block_size if isinstance(block_size, int) else Config().block_size
    return protocol.Considered(
        config=values,
        parameters=parameters,
        bytes=parameters * BYTES_PER_PARAMETER,
        documents=len(source.documents),
        characters=list(tokenizer.characters[:200]),
        character_count=len(tokenizer.characters),
        examples=[one[:200] for one in source.documents[:EXAMPLES]],
        clipped=sum(len(one) + 1 > context for one in source.documents),
        data_sha256=fingerprint(source.documents),
        encoding=text.encoding if text is not None else "",
        cut=source.cut,
        cuts=[_cut_facts(*one) for one in text.cuts()] if text is not None else [],
        problem=problem,
        hint=hint,
    )


def _cut_facts(way: str, documents: Sequence[str]) -> protocol.CutFacts:
    examples = [text[:120] for text in documents[:EXAMPLES]]
    return protocol.CutFacts(way, len(documents), max(map(len, documents)), examples)


def saved(name: str, kind: str, octets: bytes) -> Told:
    """Return a file for the reader to keep."""
    array = memoryview(octets)
    return protocol.File(name, kind, protocol.heads({"bytes": array})), [array]
