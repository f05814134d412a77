"""An oracle: microgpt as its description reads, spelled out as plainly as possible.

It shares no code with the package: operators instead of hand-built nodes, a recursive walk,
tuples of children, weights updated in place. It is slow, and tested against the recorded losses of
the original in test_reference.py.
"""

import gc
import math
import random
import sys
from dataclasses import dataclass, field
from typing import Any

DEFAULTS = {
    "n_layer": 1,
    "n_embd": 16,
    "n_head": 4,
    "block_size": 16,
    "num_steps": 1000,
    "learning_rate": 0.01,
    "beta1": 0.85,
    "beta2": 0.99,
    "eps": 1e-8,
    "init_std": 0.08,
    "seed": 42,
}


class Node:
    __slots__ = ("children", "data", "grad", "locals")

    def __init__(self, data, children=(), local_grads=()):
        self.data, self.grad, self.children, self.locals = data, 0, children, local_grads

    def __add__(self, other):
        other = other if isinstance(other, Node) else Node(other)
        return Node(self.data + other.data, (self, other), (1, 1))

    def __mul__(self, other):
        other = other if isinstance(other, Node) else Node(other)
        return Node(self.data * other.data, (self, other), (other.data, self.data))

    def __pow__(self, n):
        return Node(self.data**n, (self,), (n * self.data ** (n - 1),))

    def exp(self):
        return Node(math.exp(self.data), (self,), (math.exp(self.data),))

    def log(self):
        return Node(math.log(self.data), (self,), (1 / self.data,))

    def relu(self):
        return Node(max(0, self.data), (self,), (float(self.data > 0),))

    def __neg__(self):
        return self * -1

    def __sub__(self, other):
        return self + (-other)

    def __truediv__(self, other):
        return self * other**-1

    __radd__ = __add__
    __rmul__ = __mul__

    def backward(self):
        order, seen = [], set()
        walk(self, order, seen)
        self.grad = 1
        for node in reversed(order):
            for child, slope in zip(node.children, node.locals):
                child.grad += slope * node.grad


def walk(node, order, seen):
    if node not in seen:
        seen.add(node)
        for child in node.children:
            walk(child, order, seen)
        order.append(node)


def matvec(matrix, x):
    return [sum(w * xi for w, xi in zip(row, x)) for row in matrix]


def softmax(numbers):
    largest = max(n.data for n in numbers)
    exps = [(n - largest).exp() for n in numbers]
    total = sum(exps)
    return [e / total for e in exps]


def rmsnorm(x):
    scale = (sum(xi * xi for xi in x) / len(x) + 1e-5) ** -0.5
    return [xi * scale for xi in x]


@dataclass
class Run:
    losses: list = field(default_factory=list)
    initial: list = field(default_factory=list)
    final: list = field(default_factory=list)
    samples: list = field(default_factory=list)


def train(documents, steps, num_samples=20, temperature=0.5, **settings):
    """Take `steps` steps, then draw samples; return a `Run` with the weights flat, in order."""
    o = DEFAULTS | settings
    width, heads, layers, context = o["n_embd"], o["n_head"], o["n_layer"], o["block_size"]
    size = width // heads
    rng = random.Random(o["seed"])
    documents = list(documents)
    rng.shuffle(documents)
    letters = sorted({c for d in documents for c in d})
    bos = len(letters)

    def matrix(rows, columns):
        return [[Node(rng.gauss(0, o["init_std"])) for _ in range(columns)] for _ in range(rows)]

    w = {"wte": matrix(bos + 1, width), "wpe": matrix(context, width)}
    w["lm_head"] = matrix(bos + 1, width)
    for i in range(layers):
        for name in ("wq", "wk", "wv", "wo"):
            w[name, i] = matrix(width, width)
        w["fc1", i] = matrix(4 * width, width)
        w["fc2", i] = matrix(width, 4 * width)
    weights = [p for m in w.values() for row in m for p in row]
    run = Run(initial=[p.data for p in weights])

    def gpt(token, position, keys, values):
        x = [a + b for a, b in zip(w["wte"][token], w["wpe"][position])]
        x = rmsnorm(x)
        for i in range(layers):
            before, x = x, rmsnorm(x)
            q = matvec(w["wq", i], x)
            keys[i].append(matvec(w["wk", i], x))
            values[i].append(matvec(w["wv", i], x))
            found = []
            for h in range(heads):
                mine = range(h * size, (h + 1) * size)
                scores = [sum(q[j] * k[j] for j in mine) / size**0.5 for k in keys[i]]
                shares = softmax(scores)
                found += [sum(s * v[j] for s, v in zip(shares, values[i])) for j in mine]
            x = [a + b for a, b in zip(matvec(w["wo", i], found), before)]
            before, x = x, rmsnorm(x)
            hidden = [h.relu() for h in matvec(w["fc1", i], x)]
            x = [a + b for a, b in zip(matvec(w["fc2", i], hidden), before)]
        return matvec(w["lm_head"], x)

    m, v = [0.0] * len(weights), [0.0] * len(weights)
    for step in range(steps):
        document = documents[step % len(documents)]
        tokens = [bos, *(letters.index(c) for c in document), bos]
        n = min(context, len(tokens) - 1)
        keys, values = [[] for _ in range(layers)], [[] for _ in range(layers)]
        losses = []
        for t in range(n):
            losses.append(-softmax(gpt(tokens[t], t, keys, values))[tokens[t + 1]].log())
        loss = (1 / n) * sum(losses)
        loss.backward()
        run.losses.append(loss.data)
        rate = o["learning_rate"] * (1 - step / o["num_steps"])
        for i, p in enumerate(weights):
            m[i] = o["beta1"] * m[i] + (1 - o["beta1"]) * p.grad
            v[i] = o["beta2"] * v[i] + (1 - o["beta2"]) * p.grad**2
            m_hat = m[i] / (1 - o["beta1"] ** (step + 1))
            v_hat = v[i] / (1 - o["beta2"] ** (step + 1))
            p.data -= rate * m_hat / (v_hat**0.5 + o["eps"])
            p.grad = 0
    run.final = [p.data for p in weights]

    for _ in range(num_samples):
        keys, values = [[] for _ in range(layers)], [[] for _ in range(layers)]
        token, text = bos, ""
        for t in range(context):
            probs = softmax([n / temperature for n in gpt(token, t, keys, values)])
            token = rng.choices(range(bos + 1), weights=[p.data for p in probs])[0]
            if token == bos:
                break
            text += letters[token]
        run.samples.append(text)
    return run


def train_quickly(*args: Any, **kwargs: Any) -> Run:
    """`train` with the garbage collector paused and room for its recursion."""
    limit, enabled = sys.getrecursionlimit(), gc.isenabled()
    sys.setrecursionlimit(100_000)
    gc.disable()
    try:
        return train(*args, **kwargs)
    finally:
        sys.setrecursionlimit(limit)
        if enabled:
            gc.enable()
