"""The model in Numba: plain loops over preallocated arrays, the whole run one compiled function.

The innermost loop always runs over contiguous channels, so that the compiler makes vectors of it:
weights are (outputs, inputs) for the backward pass, and transposed once a step for the forward.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numba import njit

from rivals import Run, Task
from rivals.plan import Floats, schedule, weights

compiled = njit(error_model="numpy", fastmath=True)


class Weights(NamedTuple):
    """All weights, or their gradients; a layer's are stacked along a first axis."""

    wte: Floats
    wpe: Floats
    lm_head: Floats
    wqkv: Floats
    wo: Floats
    fc1: Floats
    fc2: Floats


class Layers(NamedTuple):
    """What the forward pass keeps of every layer, along a first axis."""

    h1: Floats  # (T, C)
    r1: Floats  # (T)
    qkv: Floats  # (T, 3 C)
    a: Floats  # (H, T, T)
    mixed: Floats  # (T, C)
    h2: Floats  # (T, C)
    r2: Floats  # (T)
    hidden: Floats  # (T, F)


class Scratch(NamedTuple):
    """What is overwritten again and again."""

    x: Floats  # (T, C)
    dx: Floats  # (T, C)
    dh: Floats  # (T, C)
    embedded: Floats  # (T, C)
    r: Floats  # (T)
    logits: Floats  # (T, V), then their gradient
    dqkv: Floats  # (T, 3 C)
    dhidden: Floats  # (T, F)
    turned: Floats  # a matrix, transposed


def loops(task: Task, precision: str) -> Run:
    """Prepare the only variant."""
    assert precision == "f64", precision
    plan = np.array(schedule(task))
    tokens, offsets = (np.asarray(a) for a in (task.lessons.tokens, task.lessons.offsets))
    offsets = offsets[: task.steps + 1]

    def run() -> list[float]:
        flat, w = _weights(task)
        grad, d = _weights(task)
        losses = np.empty(task.steps)
        state = (flat, grad, np.zeros_like(flat), np.zeros_like(flat))
        betas = (task.config.beta1, task.config.beta2)
        _train(losses, tokens, offsets, w, d, _layers(task), _scratch(task), state, plan, betas)
        return losses.tolist()

    run()  # compiles
    return run


def _weights(task: Task) -> tuple[Floats, Weights]:
    """Return all weights as one array, and each kind as a view into it."""
    named = weights(task)
    arrays = [named[name] for name in ("wte", "wpe", "lm_head")]
    for kind in ("attn_wqkv", "attn_wo", "mlp_fc1", "mlp_fc2"):
        arrays.append(np.stack([named[f"layer{i}.{kind}"] for i in range(task.config.n_layer)]))
    flat = np.concatenate([a.ravel() for a in arrays])
    parts = np.split(flat, np.cumsum([a.size for a in arrays])[:-1])
    return flat, Weights(*(part.reshape(a.shape) for part, a in zip(parts, arrays)))


def _layers(task: Task) -> Layers:
    c = task.config
    L, T, C, H, F = c.n_layer, c.block_size, c.n_embd, c.n_head, c.n_hidden
    shapes = ((T, C), (T,), (T, 3 * C), (H, T, T), (T, C), (T, C), (T,), (T, F))
    return Layers(*(np.zeros((L, *shape)) for shape in shapes))


def _scratch(task: Task) -> Scratch:
    T, C, F, V = task.config.block_size, task.config.n_embd, task.config.n_hidden, task.vocab_size
    shapes = ((T, C), (T, C), (T, C), (T, C), (T,), (T, V), (T, 3 * C), (T, F))
    return Scratch(*(np.zeros(shape) for shape in (*shapes, (C * max(F, V),))))


@compiled
def _train(losses, tokens, offsets, w, d, layers, s, state, plan, betas):
    flat, grad, m, v = state
    for step in range(len(losses)):
        lesson = tokens[offsets[step] : offsets[step + 1]]
        losses[step] = _forward(lesson, w, layers, s)
        _backward(lesson, w, d, layers, s)
        _adam(flat, grad, m, v, betas[0], betas[1], plan[step, 0], plan[step, 1])


@compiled
def _forward(lesson, w, layers, s):
    n, C = len(lesson) - 1, s.x.shape[1]
    for t in range(n):
        for c in range(C):
            s.dx[t, c] = w.wte[lesson[t], c] + w.wpe[t, c]
    _norm(s.embedded, s.r, s.dx, n)
    s.x[:n] = s.embedded[:n]
    for i in range(len(w.wqkv)):
        _norm(layers.h1[i], layers.r1[i], s.x, n)
        _times(layers.qkv[i], layers.h1[i], w.wqkv[i], s.turned, n, False)
        _attend(layers.mixed[i], layers.a[i], layers.qkv[i], n)
        _times(s.x, layers.mixed[i], w.wo[i], s.turned, n, True)
        _norm(layers.h2[i], layers.r2[i], s.x, n)
        hidden = layers.hidden[i]
        _times(hidden, layers.h2[i], w.fc1[i], s.turned, n, False)
        for t in range(n):
            for f in range(hidden.shape[1]):
                hidden[t, f] = max(hidden[t, f], 0.0)
        _times(s.x, hidden, w.fc2[i], s.turned, n, True)
    _times(s.logits, s.x, w.lm_head, s.turned, n, False)
    return _cross_entropy(s.logits, lesson, n)


@compiled
def _backward(lesson, w, d, layers, s):
    n = len(lesson) - 1
    s.dx[:n] = 0.0
    _times_backward(s.dx, d.lm_head, s.logits, s.x, w.lm_head, n)
    for i in range(len(w.wqkv) - 1, -1, -1):
        hidden = layers.hidden[i]
        s.dhidden[:n] = 0.0
        _times_backward(s.dhidden, d.fc2[i], s.dx, hidden, w.fc2[i], n)
        for t in range(n):
            for f in range(hidden.shape[1]):
                s.dhidden[t, f] = s.dhidden[t, f] if hidden[t, f] > 0.0 else 0.0
        s.dh[:n] = 0.0
        _times_backward(s.dh, d.fc1[i], s.dhidden, layers.h2[i], w.fc1[i], n)
        _norm_backward(s.dx, s.dh, layers.h2[i], layers.r2[i], n)
        s.dh[:n] = 0.0
        _times_backward(s.dh, d.wo[i], s.dx, layers.mixed[i], w.wo[i], n)
        _attend_backward(s.dqkv, s.dh, layers.a[i], layers.qkv[i], n)
        s.dh[:n] = 0.0
        _times_backward(s.dh, d.wqkv[i], s.dqkv, layers.h1[i], w.wqkv[i], n)
        _norm_backward(s.dx, s.dh, layers.h1[i], layers.r1[i], n)
    s.dh[:n] = 0.0
    _norm_backward(s.dh, s.dx, s.embedded, s.r, n)
    d.wte[:] = 0.0
    d.wpe[n:] = 0.0
    for t in range(n):
        for c in range(s.dh.shape[1]):
            d.wte[lesson[t], c] += s.dh[t, c]
            d.wpe[t, c] = s.dh[t, c]


@compiled
def _times(y, x, w, turned, n, add):
    """Set or add to y (T, outputs) the products of x (T, inputs) and w (outputs, inputs)."""
    outputs, inputs = w.shape
    wt = turned[: w.size].reshape(inputs, outputs)
    for o in range(outputs):
        for i in range(inputs):
            wt[i, o] = w[o, i]
    for t in range(n):
        if not add:
            y[t] = 0.0
        for i in range(inputs):
            factor = x[t, i]
            for o in range(outputs):
                y[t, o] += factor * wt[i, o]


@compiled
def _times_backward(dx, dw, dy, x, w, n):
    """Add to dx, and set dw."""
    outputs, inputs = w.shape
    for o in range(outputs):
        for i in range(inputs):
            dw[o, i] = 0.0
        for t in range(n):
            slope = dy[t, o]
            for i in range(inputs):
                dx[t, i] += slope * w[o, i]
                dw[o, i] += slope * x[t, i]


@compiled
def _norm(y, r, x, n):
    C = x.shape[1]
    for t in range(n):
        total = 0.0
        for c in range(C):
            total += x[t, c] * x[t, c]
        r[t] = 1 / math.sqrt(total / C + 1e-5)
        for c in range(C):
            y[t, c] = x[t, c] * r[t]


@compiled
def _norm_backward(dx, dy, y, r, n):
    """Add to dx."""
    C = y.shape[1]
    for t in range(n):
        total = 0.0
        for c in range(C):
            total += dy[t, c] * y[t, c]
        for c in range(C):
            dx[t, c] += (dy[t, c] - y[t, c] * (total / C)) * r[t]


@compiled
def _attend(mixed, a, qkv, n):
    H, C = a.shape[0], mixed.shape[1]
    D = C // H
    scale = 1 / math.sqrt(D)
    for h in range(H):
        q, k, v = h * D, C + h * D, 2 * C + h * D
        for t in range(n):
            for s in range(t + 1):
                score = 0.0
                for j in range(D):
                    score += qkv[t, q + j] * qkv[s, k + j]
                a[h, t, s] = score * scale
            _softmax(a[h, t], t + 1)
            for j in range(D):
                mixed[t, q + j] = 0.0
            for s in range(t + 1):
                for j in range(D):
                    mixed[t, q + j] += a[h, t, s] * qkv[s, v + j]


@compiled
def _attend_backward(dqkv, dmixed, a, qkv, n):
    H, C = a.shape[0], dmixed.shape[1]
    D = C // H
    scale = 1 / math.sqrt(D)
    dqkv[:n] = 0.0
    da = np.empty(n)
    for h in range(H):
        q, k, v = h * D, C + h * D, 2 * C + h * D
        for t in range(n):
            mean = 0.0
            for s in range(t + 1):
                slope = 0.0
                for j in range(D):
                    slope += dmixed[t, q + j] * qkv[s, v + j]
                    dqkv[s, v + j] += a[h, t, s] * dmixed[t, q + j]
                da[s] = slope
                mean += slope * a[h, t, s]
            for s in range(t + 1):
                slope = a[h, t, s] * (da[s] - mean) * scale
                for j in range(D):
                    dqkv[t, q + j] += slope * qkv[s, k + j]
                    dqkv[s, k + j] += slope * qkv[t, q + j]


@compiled
def _softmax(row, n):
    largest = row[0]
    for i in range(1, n):
        largest = max(largest, row[i])
    total = 0.0
    for i in range(n):
        row[i] = math.exp(row[i] - largest)
        total += row[i]
    for i in range(n):
        row[i] *= 1 / total


@compiled
def _cross_entropy(logits, lesson, n):
    """Return the mean loss; leave in `logits` their gradient."""
    loss, V = 0.0, logits.shape[1]
    for t in range(n):
        _softmax(logits[t], V)
        loss -= math.log(logits[t, lesson[t + 1]])
        logits[t, lesson[t + 1]] -= 1.0
        for v in range(V):
            logits[t, v] *= 1 / n
    return loss / n


@compiled
def _adam(w, g, m, v, beta1, beta2, size, eps):
    for i in range(len(w)):
        m[i] = beta1 * m[i] + g[i]
        v[i] = beta2 * v[i] + g[i] * g[i]
        w[i] -= size * m[i] / (math.sqrt(v[i]) + eps)
