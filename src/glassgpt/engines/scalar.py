"""The reference engine: the whole GPT on single numbers, to be read from top to bottom.

`Value` is a number that remembers how it was made. `gpt` makes the logits of one position,
`surprise` the loss of one document, `Value.backward` every gradient, `adam` the next weights. The
arithmetic, its order included, is that of A. Karpathy's microgpt.py (2026), so every loss, weight
and sample is the same to the last bit. `scalar_engine.py` offers it all as named arrays.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any, TypeAlias

from glassgpt.engines.diagnosis import ZERO_PROBABILITY
from glassgpt.errors import DivergenceError
from glassgpt.model.config import Config, Hyper

# ---------------------------------------------------------------------------------------------
# Autograd


class Value:
    """A number, the operation that made it, and after `backward` its gradient.

    A node has no child (a leaf: a weight or a constant), a left one, or a left and a right one.
    `d_left` and `d_right` are the local derivatives: how much this number moves when a child does.
    """

    # Named slots instead of tuples of children: building, walking and freeing a graph of sixty
    # thousand nodes is what a step costs, and this takes a third off (docs/log.md).
    __slots__ = ("_walk", "d_left", "d_right", "data", "grad", "left", "op", "right")

    def __init__(
        self,
        data: float,
        op: str = "",
        left: Value | None = None,
        d_left: float = 0.0,
        right: Value | None = None,
        d_right: float = 0.0,
    ) -> None:
        self.data = data
        self.grad = 0.0
        self.op = op
        self.left = left
        self.d_left = d_left
        self.right = right
        self.d_right = d_right
        self._walk: object = None  # the last walk that came by

    @property
    def children(self) -> tuple[Value, ...]:
        """The numbers this one was made of, left before right."""
        return tuple(child for child in (self.left, self.right) if child is not None)

    @property
    def local_grads(self) -> tuple[float, ...]:
        """The local derivative with respect to each child."""
        return (self.d_left, self.d_right)[: len(self.children)]

    def __add__(self, other: Value | float) -> Value:
        other = other if isinstance(other, Value) else Value(other)
        return Value(self.data + other.data, "+", self, 1.0, other, 1.0)

    def __mul__(self, other: Value | float) -> Value:
        other = other if isinstance(other, Value) else Value(other)
        return Value(self.data * other.data, "×", self, other.data, other, self.data)

    def __pow__(self, exponent: float) -> Value:
        return Value(self.data**exponent, "**", self, exponent * self.data ** (exponent - 1))

    def log(self) -> Value:
        """Return the natural logarithm."""
        return Value(math.log(self.data), "log", self, 1 / self.data)

    def exp(self) -> Value:
        """Return e to this power."""
        e = math.exp(self.data)
        return Value(e, "exp", self, e)

    def relu(self) -> Value:
        """Return this number, or 0 where it is negative."""
        return Value(max(0.0, self.data), "relu", self, float(self.data > 0))

    # All else is made of these six. A plain number becomes a constant node on the right.
    def __neg__(self) -> Value:
        return self * -1

    def __sub__(self, other: Value | float) -> Value:
        return self + (-other)

    def __truediv__(self, other: Value | float) -> Value:
        return self * other**-1

    def __radd__(self, other: float) -> Value:
        return self + other

    def __rmul__(self, other: float) -> Value:
        return self * other

    def __rsub__(self, other: float) -> Value:
        return (-self) + other

    def __rtruediv__(self, other: float) -> Value:
        return self**-1 * other

    def __repr__(self) -> str:
        return f"Value({self.data!r}, grad={self.grad!r}, op={self.op!r})"

    def topological_order(self) -> list[Value]:
        """Return every node with children below this one, children before parents, itself last.

        Depth first, left before right, on a stack of our own: Python's would overflow at seven
        layers. Leaves are left out, as they hand no gradient on.
        """
        order: list[Value] = []
        stack: list[Value | None] = [self] if self.left is not None else []
        walk = object()  # marks who was seen; faster than a set of sixty thousand
        push, pop, emit = stack.append, stack.pop, order.append
        while stack:
            node = pop()
            if node is None:  # the children of the node beneath are done
                emit(pop())  # type: ignore[arg-type]
            elif node._walk is not walk:
                node._walk = walk
                push(node)
                push(None)
                right = node.right
                if right is not None and right.left is not None:
                    push(right)
                left = node.left
                if left.left is not None:  # type: ignore[union-attr]
                    push(left)
        return order

    def backward(self, grad: float = 1.0) -> None:
        """Add to `grad` of every number below how much `grad` × this one moves when it does."""
        self.grad += grad
        for node in reversed(self.topological_order()):
            g = node.grad
            node.left.grad += node.d_left * g  # type: ignore[union-attr]
            right = node.right
            if right is not None:
                right.grad += node.d_right * g


# ---------------------------------------------------------------------------------------------
# The model

Vector: TypeAlias = list[Value]
Matrix: TypeAlias = list[Vector]  # (outputs, inputs)
Weights: TypeAlias = dict[str, Matrix]


def dot(a: Sequence[Value], b: Sequence[Value]) -> Value:
    """Return Σ a_i · b_i: the nodes that `sum(x * y for x, y in zip(a, b))` makes.

    They are built here without operators, as most of a model's nodes are born in this loop. The
    sum starts from the constant 0, as Python's does.
    """
    total = None
    for x, y in zip(a, b, strict=True):
        product = Value(x.data * y.data, "×", x, y.data, y, x.data)
        if total is None:
            total = Value(product.data + 0.0, "+", product, 1.0, Value(0.0), 1.0)
        else:
            total = Value(total.data + product.data, "+", total, 1.0, product, 1.0)
    assert total is not None, "a dot product of nothing"
    return total


def linear(x: Vector, weight: Matrix) -> Vector:
    """Return weight · x, a number for each row of `weight`."""
    return [dot(row, x) for row in weight]


def softmax(logits: Vector) -> Vector:
    """Return e^logit as shares of their sum; the largest is subtracted so that none overflows."""
    largest = max(logit.data for logit in logits)
    exps = [(logit - largest).exp() for logit in logits]
    total: Value = sum(exps)  # type: ignore[assignment]
    return [e / total for e in exps]


def norm_scale(x: Vector) -> Value:
    """Return 1 / root mean square of x, kept finite by 1e-5."""
    mean_square = dot(x, x) / len(x)
    return (mean_square + 1e-5) ** -0.5


def add(a: Vector, b: Vector) -> Vector:
    """Return a + b, number by number."""
    return [x + y for x, y in zip(a, b, strict=True)]


class Trace(dict[str, list[Any]]):
    """The named numbers of one document: for each site a list by position, filled as it is made."""

    def note(self, site: str, numbers: Any) -> Any:
        """File what one position has at `site`, and return it."""
        self.setdefault(site, []).append(numbers)
        return numbers


def gpt(w: Weights, config: Config, token: int, position: int, cache: Trace) -> Vector:
    """Return the logits (V,) of one position, and file everything on the way in `cache`.

    Earlier positions are needed only as their keys and values, which `cache` already holds.
    """
    note = cache.note
    x = add(note("tok", w["wte"][token]), note("pos", w["wpe"][position]))
    x = norm(note("embd", x), "norm", note)
    for i in range(config.n_layer):
        x = attention(x, w, config, f"layer{i}", cache)
        x = mlp(x, w, f"layer{i}", note)
    logits: Vector = note("logits", linear(x, w["lm_head"]))
    return logits


def norm(x: Vector, site: str, note: Callable[[str, Any], Any]) -> Vector:
    """Return x brought to root mean square 1 (RMSNorm without gain)."""
    scale = note(f"{site}.scale", norm_scale(x))
    normed: Vector = note(site, [xi * scale for xi in x])
    return normed


def attention(stream: Vector, w: Weights, config: Config, layer: str, cache: Trace) -> Vector:
    """Return the stream plus what this position found by looking back."""
    attn, D, note = f"{layer}.attn", config.head_dim, cache.note
    x = norm(stream, f"{attn}.norm", note)
    q = note(f"{attn}.q", linear(x, w[f"{layer}.attn_wq"]))
    note(f"{attn}.k", linear(x, w[f"{layer}.attn_wk"]))
    note(f"{attn}.v", linear(x, w[f"{layer}.attn_wv"]))
    keys, values = cache[f"{attn}.k"], cache[f"{attn}.v"]  # (S, C): every position so far
    all_scores, all_weights, heads = [], [], []
    for first in range(0, config.n_embd, D):
        head = slice(first, first + D)
        scores = [dot(q[head], k[head]) / D**0.5 for k in keys]  # (S,)
        weights = softmax(scores)  # (S,)
        heads += [dot(weights, [v[d] for v in values]) for d in range(first, first + D)]
        all_scores.append(scores)
        all_weights.append(weights)
    note(f"{attn}.scores", all_scores)
    note(f"{attn}.weights", all_weights)
    out = note(f"{attn}.out", linear(note(f"{attn}.heads", heads), w[f"{layer}.attn_wo"]))
    resid: Vector = note(f"{attn}.resid", add(out, stream))
    return resid


def mlp(stream: Vector, w: Weights, layer: str, note: Callable[[str, Any], Any]) -> Vector:
    """Return the stream plus what the hidden units make of it."""
    x = norm(stream, f"{layer}.mlp.norm", note)
    hidden = note(f"{layer}.mlp.fc1", linear(x, w[f"{layer}.mlp_fc1"]))
    loud = note(f"{layer}.mlp.relu", [h.relu() for h in hidden])
    out = note(f"{layer}.mlp.fc2", linear(loud, w[f"{layer}.mlp_fc2"]))
    resid: Vector = note(f"{layer}.mlp.resid", add(out, stream))
    return resid


def surprise(w: Weights, config: Config, tokens: Sequence[int]) -> Trace:
    """Return every named number of one document, from its tokens to its loss."""
    trace = Trace()
    for position, (token, target) in enumerate(pairwise(tokens)):
        probs = trace.note("probs", softmax(gpt(w, config, token, position, trace)))
        if probs[target].data == 0:
            raise DivergenceError(ZERO_PROBABILITY, "losses", (position,))
        trace.note("losses", -probs[target].log())
    losses = trace["losses"]
    trace.note("loss", sum(losses) * (1 / len(losses)))
    return trace


def adam(
    weight: Matrix, m: list[float], v: list[float], hyper: Hyper
) -> tuple[Matrix, list[float], list[float]]:
    """Return the matrix after one Adam step, with its new moments (row-major).

    D. Kingma and J. Ba, Adam, 2014, Algorithm 1. The new weights are new leaves, so that the graph
    of the step just taken keeps the numbers it was made of.
    """
    lr, beta1, beta2, eps = hyper.learning_rate, hyper.beta1, hyper.beta2, hyper.eps
    m_correction, v_correction = 1 - beta1**hyper.step, 1 - beta2**hyper.step
    new_m: list[float] = []
    new_v: list[float] = []
    new_weight: Matrix = []
    moments = iter(zip(m, v, strict=True))
    for row in weight:
        new_row = []
        for p, (mi, vi) in zip(row, moments, strict=False):
            mi = beta1 * mi + (1 - beta1) * p.grad
            vi = beta2 * vi + (1 - beta2) * p.grad**2
            m_hat = mi / m_correction
            v_hat = vi / v_correction
            new_row.append(Value(p.data - lr * m_hat / (v_hat**0.5 + eps)))
            new_m.append(mi)
            new_v.append(vi)
        new_weight.append(new_row)
    return new_weight, new_m, new_v


def graph_size(config: Config, vocab_size: int, positions: int, distinct: int) -> int:
    """Return how many nodes the graph of a document's loss has.

    `positions` are those of the document, `distinct` how many different tokens stand at them.
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
