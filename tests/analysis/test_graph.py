"""The graph that is walked is the scalar engine's own."""

from __future__ import annotations

import math
import random
from collections import Counter
from functools import cache
from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from glassgpt import Config, Session
from glassgpt.analysis.graph import LOSS, Graph
from glassgpt.engines.graph import children, graph_size
from glassgpt.engines.scalar_engine import ScalarEngine
from glassgpt.errors import AddressError
from glassgpt.model.address import extents, parse_address, spell
from glassgpt.model.tokenizer import Tokenizer
from tests.conftest import Reference
from tests.support import models


class Opened:
    """A graph, and an engine that computed the same document."""

    def __init__(self, config: Config, documents: list[str]) -> None:
        tokenizer = Tokenizer.of(documents)
        self.vocab_size = tokenizer.vocab_size
        self.tokens = tokenizer.encode_document(documents[0])[: config.block_size + 1]
        state = models.random_state(config, self.vocab_size, config.seed)
        self.graph = Graph(config, self.vocab_size, state, self.tokens)
        self.engine = ScalarEngine(config, self.vocab_size)
        self.engine.load(state)
        self.values = {**state.params, **self.engine.forward(self.tokens)}
        self.grads = self.engine.backward()
        self.addresses = [
            spell("value", name, index)
            for name, axes in extents(config, self.vocab_size, len(self.tokens) - 1).items()
            for index in product(*(range(size) for _, size in axes))
        ]


def small(seed: int = 0) -> Opened:
    return Opened(Config(n_layer=2, n_embd=4, n_head=2, block_size=5, seed=seed), ["abba"])


@settings(max_examples=12)
@given(config=models.configs(max_layers=3), documents=models.documents)
def test_data_and_gradient_of_every_named_node_are_the_engines_own(
    config: Config, documents: list[str]
) -> None:
    opened = Opened(config, documents)
    for text in opened.addresses:
        name, index = parse_address(text).name, parse_address(text).index
        try:
            node = opened.graph.node(opened.graph.find(text))
        except AddressError:  # the loss does not depend on it
            grads = {**opened.grads.sites, **opened.grads.params}
            assert grads[name][index] == 0
            continue
        assert text in node.names
        assert node.data == opened.values[name][index]
        if name in opened.grads.params:
            assert node.grad == opened.grads.params[name][index]
        elif name not in ("tok", "pos"):  # these are rows of weights, shared by positions
            assert node.grad == opened.grads.sites[name][index]


@given(config=models.configs(max_layers=3), documents=models.documents)
def test_it_has_the_nodes_and_edges_of_the_whole_loss(config: Config, documents: list[str]) -> None:
    opened = Opened(config, documents)
    distinct = len(set(opened.tokens[:-1]))
    positions = len(opened.tokens) - 1
    assert opened.graph.node_count == graph_size(config, opened.vocab_size, positions, distinct)
    edges, seen, stack = 0, set(), [opened.engine.node("loss", ())]
    while stack:
        node = stack.pop()
        if id(node) not in seen:
            seen.add(id(node))
            edges += len(children(node))
            stack += children(node)
    assert (opened.graph.node_count, opened.graph.edge_count) == (len(seen), edges)


def test_the_references_first_step_is_59647_nodes_and_107060_edges(reference: Reference) -> None:
    session = Session(Config(), reference.documents, engine="scalar")
    at, tokens = session.snapshot(), session.tokens(session.document(0))
    graph = Graph(at.config, at.tokenizer.vocab_size, at.state, tokens)
    assert (graph.node_count, graph.edge_count) == (59_647, 107_060)
    assert graph.node(LOSS).data == reference.losses[0]


def test_parents_and_children_are_the_same_edges_seen_from_both_ends() -> None:
    graph = small().graph
    nodes = [graph.node(i) for i in range(graph.node_count)]
    down = Counter((n.number, link.node, link.local) for n in nodes for link in n.children)
    up = Counter((link.node, n.number, link.local) for n in nodes for link in n.parents)
    assert down == up
    assert all(parent < child for parent, child, _ in down)
    assert down.total() == graph.edge_count


def test_every_gradient_is_the_sum_over_its_parents_to_the_last_bit() -> None:
    graph = small().graph
    for i in range(1, graph.node_count):
        brought = 0.0
        for link in graph.node(i).parents:  # in the order of the engine's walk
            brought += link.local * graph.node(link.node).grad
        assert graph.node(i).grad == brought
    assert graph.node(LOSS).grad == 1


@settings(max_examples=5)
@given(seed=st.integers(0, 2**32 - 1))
def test_the_strongest_path_has_the_largest_product_of_all(seed: int) -> None:
    graph = small(seed).graph
    named = [i for i in range(graph.node_count) if graph.node(i).names]
    weight = random.Random(seed).choice(named)
    path = graph.strongest_path(weight)

    @cache
    def best(i: int) -> tuple[float, int, float]:
        """From a node down to the weight: the largest product, the number of ways, their sum."""
        if i == weight:
            return 1.0, 1, 1.0
        below = [(abs(link.local), link.local, *best(link.node)) for link in graph.node(i).children]
        return (
            max((size * strength for size, _, strength, _, _ in below), default=-1.0),
            sum(ways for _, _, _, ways, _ in below),
            sum(local * total for _, local, _, _, total in below),
        )

    strength, ways, total = best(LOSS)
    assert abs(path.product) == pytest.approx(strength, rel=1e-12)
    assert path.ways == ways
    assert path.grad == pytest.approx(total, rel=1e-9, abs=1e-15)


def test_a_path_is_a_walk_from_the_loss_along_its_product() -> None:
    graph = small().graph
    weight = graph.find("layer0.attn_wq[1,2]")
    path = graph.strongest_path(weight)
    assert (path.nodes[0], path.nodes[-1]) == (LOSS, weight)
    steps = []
    for parent, child in zip(path.nodes, path.nodes[1:]):
        steps.append(
            max((k.local for k in graph.node(parent).children if k.node == child), key=abs)
        )
    assert path.product == pytest.approx(math.prod(steps), rel=1e-12)
    assert graph.strongest_path(LOSS).nodes == (LOSS,)


def test_a_neighbourhood_has_all_nodes_within_a_number_of_steps_nearest_first() -> None:
    graph = small().graph
    number = graph.find("layer1.attn.q[3,1]")
    node = graph.node(number)
    near = [link.node for link in (*node.children, *node.parents)]
    assert [n.number for n in graph.neighbourhood(number)] == list(dict.fromkeys([number, *near]))
    two = {n.number for n in graph.neighbourhood(number, 2)}
    beyond = {k.node for i in near for k in (*graph.node(i).children, *graph.node(i).parents)}
    assert two == {number, *near, *beyond}
    assert len(graph.neighbourhood(number, 5, most=7)) == 7


@pytest.mark.parametrize(
    "text", ["wpe[4,0]", "wte[2,0]", "probs[0,1]", "layer0.attn.scores[0,0,2]"]
)
def test_a_number_that_the_loss_does_not_depend_on_is_an_error(text: str) -> None:
    opened = Opened(Config(n_embd=4, n_head=2, block_size=8), ["ab", "c"])
    with pytest.raises(AddressError, match="does not depend on"):
        opened.graph.find(text)


def test_a_repeated_token_is_one_leaf_with_all_its_names() -> None:
    graph = small().graph
    leaf = graph.node(graph.find("wte[1,2]"))
    assert leaf.op == ""
    assert set(leaf.names) == {"value:wte[1,2]", "value:tok[2,2]", "value:tok[3,2]"}
