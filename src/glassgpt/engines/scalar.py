"""A whole GPT on single numbers, to be read from top to bottom.

`python -m glassgpt.engines.scalar` trains it: text becomes tokens, the model makes a loss of them,
the loss gives each weight a gradient, and the gradient changes the weight. The arithmetic, its
order included, is that of A. Karpathy's microgpt.py (2026), every loss the same to the last bit.
"""

from __future__ import annotations

import argparse
import gc
import math
import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias, TypeVar

T = TypeVar("T")


# 1. Tokens: whole numbers for characters
def encode(document: str, characters: Sequence[str]) -> list[int]:
    """Return the tokens of a document: each character's place in `characters`, between two BOS."""
    bos = len(characters)  # one token more, which marks where a document begins or ends
    return [bos, *(characters.index(c) for c in document), bos]


# 2. Autograd: numbers that record how they were computed
@dataclass(eq=False, repr=False, slots=True)
class Value:
    """A number, the operation that computed it, and after `backward` its gradient.

    It has no children (a weight or a constant), one or two: the operands `left` and
    `right`. `d_left` and `d_right` are the local derivatives: how much it moves when they do.
    """

    data: float
    op: str = ""
    left: Value | None = None
    d_left: float = 0.0
    right: Value | None = None
    d_right: float = 0.0
    grad: float = field(default=0.0, init=False)
    walk: object = field(default=None, init=False)  # the last `topological_order` that had it

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
        """Return this number, or 0 if it is negative."""
        return Value(max(0.0, self.data), "relu", self, float(self.data > 0))

    # fmt: off
    # All else is made of these six. A plain number becomes a constant on the right.
    def __neg__(self) -> Value: return self * -1
    def __sub__(self, other: Value | float) -> Value: return self + (-other)
    def __truediv__(self, other: Value | float) -> Value: return self * other**-1
    def __radd__(self, other: float) -> Value: return self + other
    def __rmul__(self, other: float) -> Value: return self * other
    def __rsub__(self, other: float) -> Value: return (-self) + other
    def __rtruediv__(self, other: float) -> Value: return self**-1 * other
    def __repr__(self) -> str: return f"Value({self.data!r}, grad={self.grad!r}, op={self.op!r})"
    # fmt: on

    def topological_order(self) -> list[Value]:
        """Return every node with children below this one, children before parents, itself last."""
        order: list[Value] = []  # depth first; recursion would pass Python's limit at seven layers
        opened: list[Value] = []  # nodes whose children are under way
        todo: list[Value | None] = [self]  # None: the children of the last opened node are done
        walk = object()  # marks the nodes that were opened
        push = todo.append
        while todo:
            node = todo.pop()
            if node is None:
                order.append(opened.pop())
            elif node.walk is not walk:
                node.walk = walk
                opened.append(node)
                push(None)
                left, right = node.left, node.right
                if right is not None and right.left is not None:
                    push(right)
                if left is not None and left.left is not None:
                    push(left)
        return order

    def backward(self, grad: float = 1.0) -> None:
        """Add to `grad` of every number below how much `grad` × this one moves when it does."""
        self.grad += grad
        for node in reversed(self.topological_order()):
            g, left, right = node.grad, node.left, node.right
            if left is not None:
                left.grad += node.d_left * g
            if right is not None:
                right.grad += node.d_right * g


# 3. The model: from tokens to logits
Vector: TypeAlias = list[Value]
Matrix: TypeAlias = list[Vector]  # (outputs, inputs)
Weights: TypeAlias = dict[str, Matrix]


class Sizes(NamedTuple):
    """How large the model is."""

    n_layer: int = 1  # times that attention and then an MLP are applied
    n_embd: int = 16  # numbers that stand for a position on its way through the layers
    n_head: int = 4  # attention heads, each with its share of these numbers
    block_size: int = 16  # positions at most


def initial_weights(sizes: Sizes, vocab_size: int, rng: random.Random) -> Weights:
    """Return the matrices, filled with small random numbers in this order."""
    C = sizes.n_embd
    shapes = {"wte": (vocab_size, C), "wpe": (sizes.block_size, C), "lm_head": (vocab_size, C)}
    for i in range(sizes.n_layer):
        shapes |= {f"layer{i}.attn_{name}": (C, C) for name in ("wq", "wk", "wv", "wo")}
        shapes |= {f"layer{i}.mlp_fc1": (4 * C, C), f"layer{i}.mlp_fc2": (C, 4 * C)}
    return {
        name: [[Value(rng.gauss(0, 0.08)) for _ in range(columns)] for _ in range(rows)]
        for name, (rows, columns) in shapes.items()
    }


class Trace(dict[str, list[Any]]):
    """Every number of one document by name: for each name a list with one entry a position."""

    def note(self, name: str, numbers: T) -> T:
        """Add what the next position has under this name, and return it."""
        self.setdefault(name, []).append(numbers)
        return numbers


def dot(a: Sequence[Value], b: Sequence[Value]) -> Value:
    """Return Σ a_i · b_i, quicker than the operators of `sum(x * y for x, y in zip(a, b))`."""
    total = a[0] * b[0] + 0.0  # Python's sum starts from 0 too
    for x, y in zip(a[1:], b[1:], strict=True):
        product = Value(x.data * y.data, "×", x, y.data, y, x.data)
        total = Value(total.data + product.data, "+", total, 1.0, product, 1.0)
    return total


def linear(x: Vector, weight: Matrix) -> Vector:
    """Return weight · x, a number for each row of `weight`."""
    return [dot(row, x) for row in weight]


def softmax(logits: Vector) -> Vector:
    """Return e^logit as shares of their sum; the largest is subtracted so that none overflows."""
    largest = max(logit.data for logit in logits)
    exps = [(logit - largest).exp() for logit in logits]
    total = sum(exps)
    return [e / total for e in exps]


def add(a: Vector, b: Vector) -> Vector:
    """Return a + b, number by number."""
    return [x + y for x, y in zip(a, b, strict=True)]


def rmsnorm(x: Vector, name: str, trace: Trace) -> Vector:
    """Return x brought to root mean square 1; the 1e-5 keeps the scale finite."""
    mean_square = dot(x, x) / len(x)
    scale = trace.note(f"{name}.scale", (mean_square + 1e-5) ** -0.5)
    return trace.note(name, [xi * scale for xi in x])


def gpt(w: Weights, sizes: Sizes, token: int, position: int, trace: Trace) -> Vector:
    """Return the logits (V,) of one position: a score for each token as the next."""
    what = trace.note("tok", w["wte"][token])
    where = trace.note("pos", w["wpe"][position])
    x = trace.note("embd", add(what, where))
    x = rmsnorm(x, "norm", trace)
    for i in range(sizes.n_layer):
        x = attention(x, w, sizes, f"layer{i}", trace)
        x = mlp(x, w, f"layer{i}", trace)
    return trace.note("logits", linear(x, w["lm_head"]))


def attention(stream: Vector, w: Weights, sizes: Sizes, layer: str, trace: Trace) -> Vector:
    """Return the stream plus an average of values, weighted by how query and keys agree."""
    attn, D, note = f"{layer}.attn", sizes.n_embd // sizes.n_head, trace.note
    x = rmsnorm(stream, f"{attn}.norm", trace)
    q = note(f"{attn}.q", linear(x, w[f"{layer}.attn_wq"]))  # query: is compared with keys
    note(f"{attn}.k", linear(x, w[f"{layer}.attn_wk"]))  # key
    note(f"{attn}.v", linear(x, w[f"{layer}.attn_wv"]))  # value: is averaged
    keys, values = trace[f"{attn}.k"], trace[f"{attn}.v"]  # (S, C): of every position so far
    heads = [slice(first, first + D) for first in range(0, sizes.n_embd, D)]  # D channels each
    scores = [[dot(q[h], k[h]) / D**0.5 for k in keys] for h in heads]  # (H, S)
    weights = [softmax(row) for row in note(f"{attn}.scores", scores)]  # (H, S)
    note(f"{attn}.weights", weights)
    found = [dot(weights[c // D], channel) for c, channel in enumerate(zip(*values))]  # (C,)
    out = note(f"{attn}.out", linear(note(f"{attn}.heads", found), w[f"{layer}.attn_wo"]))
    return note(f"{attn}.resid", add(out, stream))


def mlp(stream: Vector, w: Weights, layer: str, trace: Trace) -> Vector:
    """Return the stream plus what a layer of hidden units computes from it."""
    x = rmsnorm(stream, f"{layer}.mlp.norm", trace)
    hidden = trace.note(f"{layer}.mlp.fc1", linear(x, w[f"{layer}.mlp_fc1"]))
    active = trace.note(f"{layer}.mlp.relu", [h.relu() for h in hidden])
    out = trace.note(f"{layer}.mlp.fc2", linear(active, w[f"{layer}.mlp_fc2"]))
    return trace.note(f"{layer}.mlp.resid", add(out, stream))


# 4. Training: the loss, and weights that make it smaller
def loss_of(w: Weights, sizes: Sizes, tokens: Sequence[int], trace: Trace) -> Value:
    """Return the mean over positions of −log of the probability of the token that came next."""
    for position, (token, target) in enumerate(pairwise(tokens)):
        probs = trace.note("probs", softmax(gpt(w, sizes, token, position, trace)))
        trace.note("losses", -probs[target].log())
    losses = trace["losses"]
    loss: Value = sum(losses) * (1 / len(losses))
    return trace.note("loss", loss)


def adam(
    params: Sequence[Value], m: list[float], v: list[float], step: int, rate: float,
    beta1: float = 0.85, beta2: float = 0.99, eps: float = 1e-8,
) -> None:  # fmt: skip
    """Move each parameter against its gradient, which then is 0 again; `step` counts from 1.

    m and v are running means of the gradient and its square; m_hat and v_hat correct their start
    at 0. D. Kingma and J. Ba, Adam, 2014, Algorithm 1.
    """
    m_correction, v_correction = 1 - beta1**step, 1 - beta2**step
    for i, p in enumerate(params):
        m[i] = beta1 * m[i] + (1 - beta1) * p.grad
        v[i] = beta2 * v[i] + (1 - beta2) * p.grad**2
        m_hat = m[i] / m_correction
        v_hat = v[i] / v_correction
        p.data -= rate * m_hat / (v_hat**0.5 + eps)
        p.grad = 0.0


# 5. Inference: new documents
def sample(w: Weights, sizes: Sizes, characters: Sequence[str], rng: random.Random) -> str:
    """Return a new document: draw a token, feed it back, until BOS or a full context."""
    bos, temperature = len(characters), 0.5  # a temperature below 1 favours likely tokens
    token, text, trace = bos, "", Trace()
    for position in range(sizes.block_size):
        logits = gpt(w, sizes, token, position, trace)
        probs = [p.data for p in softmax([logit / temperature for logit in logits])]
        token = rng.choices(range(len(probs)), weights=probs)[0]
        if token == bos:
            break
        text += characters[token]
    return text


def main() -> None:
    """Train on the lines of a text, the built-in names unless a file is given; print 20 samples."""
    parser = argparse.ArgumentParser("python -m glassgpt.engines.scalar", description=main.__doc__)
    parser.add_argument("steps", type=int, nargs="?", default=1000)
    parser.add_argument("file", nargs="?", default=str(Path(__file__).parents[1] / "names.txt"))
    options = parser.parse_args()
    try:
        lines = Path(options.file).read_text(encoding="utf-8").split("\n")
    except (OSError, UnicodeDecodeError) as error:
        parser.error(f"file must be a text in UTF-8, one document a line: {error}")
    if not (documents := [line.strip() for line in lines if line.strip()]):
        parser.error(f"file must have a line that is not blank; {options.file} has none")
    gc.disable()  # no number is part of itself, so the collector would search in vain
    rng, sizes, characters = random.Random(42), Sizes(), sorted(set().union(*documents))
    rng.shuffle(documents)
    w = initial_weights(sizes, len(characters) + 1, rng)
    params = [p for matrix in w.values() for row in matrix for p in row]
    m, v = [0.0] * len(params), [0.0] * len(params)
    for step in range(options.steps):
        tokens = encode(documents[step % len(documents)], characters)[: sizes.block_size + 1]
        loss = loss_of(w, sizes, tokens, Trace())
        loss.backward()
        adam(params, m, v, step + 1, rate=0.01 * (1 - step / options.steps))
        print(f"step {step + 1} of {options.steps}: loss {loss.data}")
    for i in range(20):
        print(f"sample {i + 1}: {sample(w, sizes, characters, rng)}")


if __name__ == "__main__":
    main()
