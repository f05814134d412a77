"""The model in JAX, compiled by XLA: one call a step, or one for the whole run."""

from __future__ import annotations

from functools import partial
from typing import Any, TypeAlias, cast

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jax.flatten_util import ravel_pytree

from rivals import Run, Task
from rivals.plan import TYPES, Ints, padded, schedule, weights

jax.config.update("jax_enable_x64", True)  # allows float64; every type here is said

State: TypeAlias = tuple[jax.Array, jax.Array, jax.Array]  # weights, m and v, each flat


def per_step(task: Task, precision: str) -> Run:
    """Prepare a compiled step, called from Python; it is compiled for each of the four lengths."""
    start, step = _start_and_step(task, precision)
    inputs, targets, counts = padded(task)
    ends = [_lengths(task)[i] for i in _buckets(task)]
    lessons = zip(inputs, targets, counts, _plan(task, precision), ends)
    data = [jax.device_put((i[:end], t[:end], n, plan)) for i, t, n, plan, end in lessons]
    compiled = jax.jit(step, donate_argnums=0)

    def run() -> list[float]:
        state, losses = jax.tree.map(jnp.copy, start), []
        for lesson in data:
            state, loss = compiled(state, lesson)
            losses.append(loss)
        return [float(loss) for loss in losses]

    run()  # compiles
    return run


def scan(task: Task, precision: str) -> Run:
    """Prepare one compiled scan over all steps, with a branch for each of the four lengths."""
    start, step = _start_and_step(task, precision)

    def branch(end: int) -> Any:
        return lambda state, lesson: step(state, (lesson[0][:end], lesson[1][:end], *lesson[2:]))

    branches = [branch(end) for end in _lengths(task)]

    def any_step(state: State, data: Any) -> Any:
        return lax.switch(data[0], branches, state, data[1:])

    compiled = jax.jit(lambda state, data: lax.scan(any_step, state, data)[1])
    data = jax.device_put((_buckets(task), *padded(task), _plan(task, precision)))

    def run() -> list[float]:
        return cast("list[float]", compiled(start, data).tolist())

    run()  # compiles
    return run


def _lengths(task: Task) -> list[int]:
    """Return the lengths that documents are padded to: about quarters of the longest.

    Multiples of 4 but for the longest: 4, 8, 12, 14 take a fifth less time than 4, 7, 11, 14.
    """
    longest = max(len(tokens) for tokens in task.lessons) - 1
    quarter = 4 * -(-longest // 16)
    return [min(quarter * i, longest) for i in range(1, 5)]


def _buckets(task: Task) -> Ints:
    """Return the place in `_lengths` of the shortest that holds each document."""
    return np.searchsorted(_lengths(task), padded(task)[2]).astype("i4")


def _plan(task: Task, precision: str) -> Any:
    return jnp.array(schedule(task), TYPES[precision])


def _start_and_step(task: Task, precision: str) -> tuple[State, Any]:
    first, unravel = ravel_pytree(weights(task, precision))
    still = jnp.zeros_like(first)
    c = task.config
    loss = partial(_loss, c.n_layer, c.n_head)
    slope = jax.value_and_grad(lambda flat, lesson: loss(unravel(flat), *lesson))

    def step(state: State, data: Any) -> tuple[State, jax.Array]:
        *lesson, (size, eps) = data
        w, m, v = state
        loss, g = slope(w, lesson)
        m, v = c.beta1 * m + g, c.beta2 * v + g * g
        return (w - size * m / (jnp.sqrt(v) + eps), m, v), loss

    return (first, still, still), step


def _loss(n_layer: int, n_head: int, w: Any, inputs: Any, targets: Any, count: Any) -> jax.Array:
    n = len(inputs)
    x = _norm(w["wte"][inputs] + w["wpe"][:n])
    for i in range(n_layer):
        qkv = _norm(x) @ w[f"layer{i}.attn_wqkv"].T
        mixed = _attend(*qkv.reshape(n, 3, n_head, -1).transpose(1, 2, 0, 3))
        x = x + mixed.transpose(1, 0, 2).reshape(n, -1) @ w[f"layer{i}.attn_wo"].T
        hidden = jax.nn.relu(_norm(x) @ w[f"layer{i}.mlp_fc1"].T)
        x = x + hidden @ w[f"layer{i}.mlp_fc2"].T
    logs = jax.nn.log_softmax(x @ w["lm_head"].T)
    losses = -jnp.take_along_axis(logs, targets[:, None], 1)[:, 0]
    real = jnp.arange(n) < count
    return jnp.where(real, losses, 0).sum() / count.astype(x.dtype)


def _attend(q: jax.Array, k: jax.Array, v: jax.Array) -> jax.Array:
    n, size = q.shape[1:]
    scores = q @ k.swapaxes(1, 2) * size**-0.5  # (H, T, T)
    past = jnp.tril(jnp.ones((n, n), bool))
    return jax.nn.softmax(jnp.where(past, scores, -jnp.inf)) @ v


def _norm(x: jax.Array) -> jax.Array:
    return x * lax.rsqrt((x * x).mean(-1, keepdims=True) + 1e-5)
