"""Functions on the scalar engine's graph: children of a node, node of an activation, size."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from glassgpt.engines.scalar import Value
from glassgpt.model.activations import Site
from glassgpt.model.config import Config


def children(node: Value) -> tuple[Value, ...]:
    """Return the operands of a node, left before right."""
    return tuple(child for child in (node.left, node.right) if child is not None)


def local_grads(node: Value) -> tuple[float, ...]:
    """Return the local derivative with respect to each child."""
    return (node.d_left, node.d_right)[: len(children(node))]


def pick(rows: list[Any], site: Site, index: Sequence[int]) -> Value:
    """Return the node of a site at `index`; `rows` are its nodes by position, as in a `Trace`."""
    if site.axes == ("H", "T", "S"):
        h, t, s = index
        assert s <= t, f"{site.name}: position {t} does not see position {s}"
        node: Value = rows[t][h][s]
        return node
    node = rows[index[0] if index else 0]
    for i in index[1:]:
        node = node[i]  # type: ignore[index]
    return node


def graph_size(config: Config, vocab_size: int, positions: int, distinct: int) -> int:
    """Return the number of nodes in the graph of a document's loss.

    `positions` is the number of positions, `distinct` that of different tokens among them.
    """
    C, D, F = config.n_embd, config.head_dim, config.n_hidden
    H, T, V = config.n_head, positions, vocab_size

    def dots(count: int, length: int) -> int:
        return count * (2 * length + 1)

    norm_nodes = dots(1, C) + C + 5
    attended = T * (T + 1) // 2  # pairs of a position and one that it sees
    heads = H * (attended * (2 * D + 1 + 2 + 6 + 2 * D) + T * (1 + D))
    layer = heads + T * (2 * norm_nodes + dots(4 * C, C) + 2 * C + dots(F, C) + F + dots(C, F))
    ends = T * (C + norm_nodes + dots(V, C) + 4 * V + 1 + 2 + 3) + T + 1 + 2
    leaves = (distinct + T + V) * C + config.n_layer * (4 * C * C + 2 * C * F)
    return config.n_layer * layer + ends + leaves
