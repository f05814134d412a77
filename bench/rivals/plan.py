"""What the rivals make of a task, as NumPy arrays: weights, lessons, Adam's two numbers a step.

The moments are kept as plain sums, m ← β1·m + g and v ← β2·v + g², so that the update is
p ← p − size·m / (√v + eps) with a `size` and an `eps` for each step: every constant factor of
Adam with bias correction and linear decay is in these two.
"""

from __future__ import annotations

import math
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from glassgpt.model.config import hyper
from rivals import Task

Floats: TypeAlias = NDArray[np.floating[Any]]
Ints: TypeAlias = NDArray[np.integer[Any]]

TYPES = {"f64": "f8", "f32": "f4"}


def weights(task: Task, precision: str = "f64") -> dict[str, Floats]:
    """Return a copy of the first weights by name; a layer's wq, wk and wv are one (3 C, C)."""
    found = {name: np.array(a, "f8") for name, a in task.params.items()}
    for i in range(task.config.n_layer):
        qkv = [found.pop(f"layer{i}.attn_w{letter}") for letter in "qkv"]
        found[f"layer{i}.attn_wqkv"] = np.concatenate(qkv)
    return {name: a.astype(TYPES[precision]) for name, a in found.items()}


def schedule(task: Task) -> list[tuple[float, float]]:
    """Return (size, eps) of every step."""
    return [_step(task, step) for step in range(task.steps)]


def _step(task: Task, step: int) -> tuple[float, float]:
    now = hyper(task.config, step)
    mean = (1 - now.beta1) / (1 - now.beta1**now.step)
    root = math.sqrt((1 - now.beta2) / (1 - now.beta2**now.step))
    return now.learning_rate * mean / root, now.eps / root


def padded(task: Task) -> tuple[Ints, Ints, Ints]:
    """Return inputs (S, T) and targets (S, T), filled up with 0, and how many are real (S,)."""
    counts = np.array([len(tokens) - 1 for tokens in task.lessons])
    inputs, targets = np.zeros((2, task.steps, counts.max()), "i4")
    for i, tokens in enumerate(task.lessons):
        inputs[i, : counts[i]], targets[i, : counts[i]] = tokens[:-1], tokens[1:]
    return inputs, targets, counts
