"""The autograd graph of one document's loss in the scalar engine, node by node.

Nothing is copied: data, gradients and local derivatives are those of the engine's nodes. It adds
a number for each node, its parents, and the addresses of named nodes.
"""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate, product

from glassgpt.engines.gc_pause import gc_paused
from glassgpt.engines.graph import children, local_grads
from glassgpt.engines.scalar import Value
from glassgpt.engines.scalar_engine import ScalarEngine
from glassgpt.errors import AddressError
from glassgpt.model.address import Address, checked, extents, parse_address, spell
from glassgpt.model.config import Config
from glassgpt.model.state import State

LOSS = 0  # the loss is node 0, and every child has a larger number than its parents


@dataclass(frozen=True, slots=True)
class Link:
    """An edge to a neighbour: `local` is the derivative of the parent by the child."""

    node: int
    local: float


@dataclass(frozen=True, slots=True)
class Node:
    """One node. `op` is empty for a leaf; `names` are its addresses: a row of wte can have many."""

    number: int
    op: str
    data: float
    grad: float
    names: tuple[str, ...]
    children: tuple[Link, ...]
    parents: tuple[Link, ...]


@dataclass(frozen=True, slots=True)
class Path:
    """A path from the loss down to a node: `nodes` from the loss on.

    `product` is that of the local derivatives along it, the contribution of this path to the
    gradient `grad`; `ways` is the number of all paths.
    """

    nodes: tuple[int, ...]
    product: float
    grad: float
    ways: int


class Graph:
    """The graph of the loss of `tokens` at `state`; raises `EngineError` if it is too large."""

    def __init__(
        self, config: Config, vocab_size: int, state: State, tokens: Sequence[int]
    ) -> None:
        self._config = config
        self._vocab_size = vocab_size
        self._positions = len(tokens) - 1
        self._engine = ScalarEngine(config, vocab_size)
        self._engine.load(state)
        with gc_paused():
            self._engine.forward(tokens)
            self._engine.backward()
            self._nodes = _numbered(self._engine.node("loss", ()))
            self._number = {id(node): i for i, node in enumerate(self._nodes)}
            self._first_parent, self._parents = self._incoming()
            self._names = self._named()

    @property
    def node_count(self) -> int:
        """The number of nodes, including the loss."""
        return len(self._nodes)

    @property
    def edge_count(self) -> int:
        """The number of edges from a parent to a child."""
        return len(self._parents)

    def find(self, text: str) -> int:
        """Return the number of the node at an address.

        Raises `AddressError` if there is none, or if the loss does not depend on it.
        """
        address = checked(parse_address(text), self._config, self._vocab_size, self._positions)
        number = self._number.get(id(self._node_at(address)))
        if number is None:
            raise AddressError(
                f"the loss of this document does not depend on {address}",
                "its gradient is 0; choose a number that this document uses",
            )
        return number

    def node(self, number: int) -> Node:
        """Return a node with its neighbours."""
        value = self._nodes[number]
        below = zip(children(value), local_grads(value), strict=True)
        return Node(
            number,
            value.op,
            value.data,
            value.grad,
            self._names.get(number, ()),
            tuple(Link(self._number[id(child)], float(local)) for child, local in below),
            self._parent_links(number),
        )

    def neighbourhood(self, number: int, steps: int = 1, most: int = 100) -> tuple[Node, ...]:
        """Return a node and those within `steps` edges, nearest first, `most` at most."""
        seen = {number: None}
        edge = [number]
        for _ in range(steps):
            beyond = [link.node for i in edge for link in self._links(i) if link.node not in seen]
            seen |= dict.fromkeys(beyond)
            edge = list(dict.fromkeys(beyond))
        return tuple(self.node(i) for i in list(seen)[:most])

    def strongest_path(self, number: int) -> Path:
        """Return the path from the loss to a node whose |product of local derivatives| is largest.

        The gradient of the node is the sum of these products over all paths. One pass in
        topological order finds it: the strongest path to a node extends the strongest path to one
        of its parents. Of equal paths, that through the earlier parent is taken.
        """
        strength = {LOSS: 1.0}
        ways = {LOSS: 1}
        came_from: dict[int, Link] = {}
        for i in self._above(number):
            if i == LOSS:
                continue
            parents = self._parent_links(i)
            ways[i] = sum(ways[link.node] for link in parents)
            came_from[i] = max(parents, key=lambda link: strength[link.node] * abs(link.local))
            strength[i] = strength[came_from[i].node] * abs(came_from[i].local)
        nodes, signed = [number], 1.0
        while nodes[-1] != LOSS:
            link = came_from[nodes[-1]]
            signed *= link.local
            nodes.append(link.node)
        return Path(tuple(reversed(nodes)), signed, self._nodes[number].grad, ways[number])

    # -- inside

    def _above(self, number: int) -> list[int]:
        """Return every node that a node is part of, parents before children, itself last."""
        found, stack = {number}, [number]
        while stack:
            above = {link.node for link in self._parent_links(stack.pop())} - found
            found |= above
            stack += above
        return sorted(found)

    def _links(self, number: int) -> list[Link]:
        node = self.node(number)
        return [*node.children, *node.parents]

    def _parent_links(self, number: int) -> tuple[Link, ...]:
        """Return the parents; one with the node on both sides is listed twice."""
        span = slice(self._first_parent[number], self._first_parent[number + 1])
        parents, value = self._parents[span], self._nodes[number]
        links: list[Link] = []
        for i in dict.fromkeys(parents):
            parent = self._nodes[i]
            links += [
                Link(i, float(local))
                for child, local in zip(children(parent), local_grads(parent), strict=True)
                if child is value
            ]
        return tuple(links)

    def _incoming(self) -> tuple[array[int], array[int]]:
        """Return every node's parents in one array, and the index where each node's begin."""
        n = len(self._nodes)
        edges = [  # child and parent as one whole number, which sorts by child
            self._number[id(child)] * n + i
            for i, node in enumerate(self._nodes)
            for child in children(node)
        ]
        edges.sort()
        count = [0] * (n + 1)
        for edge in edges:
            count[edge // n + 1] += 1
        return array("q", accumulate(count)), array("q", (edge % n for edge in edges))

    def _named(self) -> dict[int, tuple[str, ...]]:
        names: dict[int, list[str]] = {}
        for name, axes in extents(self._config, self._vocab_size, self._positions).items():
            for index in product(*(range(size) for _, size in axes)):
                node = self._node_at(Address("value", name, index))
                number = self._number.get(id(node))
                if number is not None:
                    names.setdefault(number, []).append(spell("value", name, index))
        return {number: tuple(found) for number, found in names.items()}

    def _node_at(self, address: Address) -> Value | None:
        """Return the engine's node of a named number; None if its position is masked."""
        if len(address.index) == 3 and address.index[2] > address.index[1]:
            return None
        return self._engine.node(address.name, address.index)


def _numbered(loss: Value) -> list[Value]:
    """Return every node of the graph, parents before children and leaves last."""
    inner = loss.topological_order()[::-1]
    leaves = {id(child): child for node in inner for child in children(node) if child.left is None}
    return [*inner, *leaves.values()]
