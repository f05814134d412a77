"""The model in NumPy: all positions at once, the backward pass written by hand."""

from __future__ import annotations

from typing import TypeAlias

import numpy as np

from rivals import Run, Task
from rivals.plan import Floats, Ints, schedule, weights

Pair: TypeAlias = tuple[Floats, Floats]


def by_hand(task: Task, precision: str) -> Run:
    """Prepare the only variant."""
    assert precision == "f64", precision
    first, plan = weights(task), schedule(task)
    lessons = [np.array(tokens) for tokens in task.lessons]
    eye = np.eye(task.vocab_size)

    def run() -> list[float]:
        flat, w = _flat(first)
        grad, d = _flat({name: np.zeros_like(a) for name, a in first.items()})
        model = Model(w, d, task.config.n_layer, task.config.n_head, eye)
        moments = np.zeros((2, flat.size))
        losses = []
        for tokens, (size, eps) in zip(lessons, plan):
            losses.append(model.loss_and_gradients(tokens))
            _adam(flat, grad, moments, task.config.beta1, task.config.beta2, size, eps)
        return losses

    return run


def _flat(named: dict[str, Floats]) -> tuple[Floats, dict[str, Floats]]:
    """Return one array of all numbers, and each of `named` as a view into it."""
    flat = np.concatenate([a.ravel() for a in named.values()])
    ends = np.cumsum([a.size for a in named.values()])
    parts = zip(named.items(), np.split(flat, ends[:-1]))
    return flat, {name: part.reshape(a.shape) for (name, a), part in parts}


def _adam(
    w: Floats, g: Floats, moments: Floats, beta1: float, beta2: float, size: float, eps: float
) -> None:
    m, v = moments
    m *= beta1
    m += g
    v *= beta2
    g *= g
    v += g
    np.sqrt(v, out=g)
    g += eps
    np.divide(m, g, out=g)
    g *= size
    w -= g


class Model:
    """One document forward and backward; the gradients are written to `d`."""

    def __init__(
        self, w: dict[str, Floats], d: dict[str, Floats], n_layer: int, n_head: int, eye: Floats
    ) -> None:
        self.w, self.d, self.n_layer, self.n_head, self.eye = w, d, n_layer, n_head, eye
        block_size = len(w["wpe"])
        self.mask = np.triu(np.full((block_size, block_size), -np.inf), 1)

    def loss_and_gradients(self, tokens: Ints) -> float:
        """Return the loss of one document."""
        ids, n = tokens[:-1], len(tokens) - 1
        x, r = _norm(self.w["wte"][ids] + self.w["wpe"][:n])
        embedded, layers = x, []
        for i in range(self.n_layer):
            x, kept = self._layer(i, x)
            layers.append(kept)
        loss, dlogits = _cross_entropy(x @ self.w["lm_head"].T, tokens[1:])
        np.matmul(dlogits.T, x, out=self.d["lm_head"])
        dx: Floats = dlogits @ self.w["lm_head"]
        for i in reversed(range(self.n_layer)):
            dx = self._layer_backward(i, dx, *layers[i])
        dx = _norm_backward(dx, embedded, r)
        np.matmul(self.eye[ids].T, dx, out=self.d["wte"])
        self.d["wpe"][:n], self.d["wpe"][n:] = dx, 0
        return loss

    def _layer(self, i: int, x: Floats) -> tuple[Floats, tuple[Floats, ...]]:
        w = self.w
        h, r = _norm(x)
        q, k, v = self._heads(h @ w[f"layer{i}.attn_wqkv"].T)
        scores = q @ k.swapaxes(1, 2)  # (H, T, T)
        scores *= q.shape[-1] ** -0.5
        scores += self.mask[: len(x), : len(x)]
        a = _softmax(scores)
        mixed = (a @ v).swapaxes(0, 1).reshape(x.shape)
        x = x + mixed @ w[f"layer{i}.attn_wo"].T
        h2, r2 = _norm(x)
        hidden = np.maximum(h2 @ w[f"layer{i}.mlp_fc1"].T, 0)  # (T, F)
        x = x + hidden @ w[f"layer{i}.mlp_fc2"].T
        return x, (h, r, q, k, v, a, mixed, h2, r2, hidden)

    def _layer_backward(
        self, i: int, dx: Floats, h: Floats, r: Floats, q: Floats, k: Floats, v: Floats,
        a: Floats, mixed: Floats, h2: Floats, r2: Floats, hidden: Floats,
    ) -> Floats:  # fmt: skip
        w, d = self.w, self.d
        dhidden = dx @ w[f"layer{i}.mlp_fc2"]
        dhidden *= hidden > 0
        np.matmul(dx.T, hidden, out=d[f"layer{i}.mlp_fc2"])
        np.matmul(dhidden.T, h2, out=d[f"layer{i}.mlp_fc1"])
        dx = dx + _norm_backward(dhidden @ w[f"layer{i}.mlp_fc1"], h2, r2)
        np.matmul(dx.T, mixed, out=d[f"layer{i}.attn_wo"])
        dqkv = self._attention_backward(dx @ w[f"layer{i}.attn_wo"], q, k, v, a)
        np.matmul(dqkv.T, h, out=d[f"layer{i}.attn_wqkv"])
        return dx + _norm_backward(dqkv @ w[f"layer{i}.attn_wqkv"], h, r)

    def _attention_backward(
        self, dmixed: Floats, q: Floats, k: Floats, v: Floats, a: Floats
    ) -> Floats:
        n, width = dmixed.shape
        dmixed = dmixed.reshape(n, self.n_head, -1).swapaxes(0, 1)  # (H, T, D)
        da = dmixed @ v.swapaxes(1, 2)
        da *= a
        ds = da - a * da.sum(-1, keepdims=True)
        ds *= q.shape[-1] ** -0.5
        dqkv = np.empty((n, 3 * width))
        dq, dk, dv = self._heads(dqkv)
        np.matmul(ds, k, out=dq)
        np.matmul(ds.swapaxes(1, 2), q, out=dk)
        np.matmul(a.swapaxes(1, 2), dmixed, out=dv)
        return dqkv

    def _heads(self, qkv: Floats) -> Floats:
        """See (T, 3 C) as (3, H, T, D)."""
        return qkv.reshape(len(qkv), 3, self.n_head, -1).transpose(1, 2, 0, 3)


def _norm(x: Floats) -> Pair:
    """Return x / rms(x) and 1 / rms(x), for each position."""
    r: Floats = np.einsum("tc,tc->t", x, x)
    r /= x.shape[1]
    r += 1e-5
    r **= -0.5
    return x * r[:, None], r[:, None]


def _norm_backward(dy: Floats, y: Floats, r: Floats) -> Floats:
    mean = np.einsum("tc,tc->t", dy, y)
    mean /= y.shape[1]
    dy = dy - y * mean[:, None]
    dy *= r
    return dy


def _softmax(scores: Floats) -> Floats:
    scores -= scores.max(-1, keepdims=True)
    np.exp(scores, out=scores)
    scores /= scores.sum(-1, keepdims=True)
    return scores


def _cross_entropy(logits: Floats, targets: Ints) -> tuple[float, Floats]:
    """Return the mean loss, and its gradient with respect to the logits."""
    probs, rows = _softmax(logits), np.arange(len(targets))
    loss = -float(np.log(probs[rows, targets]).mean())
    probs[rows, targets] -= 1
    probs /= len(targets)
    return loss, probs
