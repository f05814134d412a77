"""The model in PyTorch: eager with its own Adam, or the whole step compiled."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

import torch
from torch.nn import functional

from rivals import Run, Task
from rivals.plan import padded, schedule, weights

Weights: TypeAlias = dict[str, torch.Tensor]

TYPES = {"f64": torch.float64, "f32": torch.float32}


def eager(task: Task, precision: str) -> Run:
    """Prepare autograd and the fused Adam; each document is as long as it is."""
    torch.set_num_threads(1)
    first, c = _weights(task, precision), task.config
    lessons = [torch.tensor(tokens) for tokens in task.lessons]
    rates = [c.learning_rate * (1 - step / c.num_steps) for step in range(task.steps)]

    def run() -> list[float]:
        w = {name: a.clone().requires_grad_() for name, a in first.items()}
        adam = torch.optim.Adam(w.values(), c.learning_rate, (c.beta1, c.beta2), c.eps, fused=True)
        losses = []
        for tokens, adam.param_groups[0]["lr"] in zip(lessons, rates):
            logits = _logits(w, c.n_layer, c.n_head, tokens[:-1])
            loss = functional.cross_entropy(logits, tokens[1:])
            adam.zero_grad()
            loss.backward()
            adam.step()
            losses.append(loss.detach())
        return torch.stack(losses).tolist()

    return run


def compiled(task: Task, precision: str) -> Run:
    """Prepare a whole step as one compiled function; documents are padded to the longest."""
    torch.set_num_threads(1)
    first = torch.cat([a.flatten() for a in _weights(task, precision).values()])
    data, step = _padded(task, precision), _whole_step(task, precision)
    step = torch.compile(step, fullgraph=True, dynamic=False, options={"cpp_wrapper": True})

    def run() -> list[float]:
        w, m, v = first.clone(), torch.zeros_like(first), torch.zeros_like(first)
        return torch.stack([step(w, m, v, *lesson) for lesson in data]).tolist()

    run()  # compiles
    return run


def _whole_step(task: Task, precision: str) -> Callable[..., torch.Tensor]:
    """Return a function of all weights as one tensor, both moments, and a row of `_padded`."""
    shapes = {name: a.shape for name, a in _weights(task, precision).items()}
    sizes, c = [shape.numel() for shape in shapes.values()], task.config

    def loss_of(flat: Any, inputs: Any, targets: Any, shares: Any) -> torch.Tensor:
        parts = zip(shapes.items(), flat.split(sizes))
        w = {name: part.view(shape) for (name, shape), part in parts}
        logits = _logits(w, c.n_layer, c.n_head, inputs)
        return functional.cross_entropy(logits, targets, reduction="none") @ shares

    slope = torch.func.grad_and_value(loss_of)

    def step(w: Any, m: Any, v: Any, *lesson: torch.Tensor) -> torch.Tensor:
        g, loss = slope(w, *lesson[:3])
        size, eps = lesson[3]
        m.mul_(c.beta1).add_(g)
        v.mul_(c.beta2).add_(g * g)
        w.sub_(size * m / (v.sqrt() + eps))
        return loss

    return step


def _padded(task: Task, precision: str) -> list[tuple[torch.Tensor, ...]]:
    """Return inputs, targets, each position's share of the loss, and the plan, for every step."""
    inputs, targets, counts = (torch.from_numpy(a).long() for a in padded(task))
    real = torch.arange(inputs.shape[1]) < counts[:, None]
    shares = real.to(TYPES[precision]) / counts[:, None]
    plan = torch.tensor(schedule(task), dtype=TYPES[precision])
    return list(zip(inputs, targets, shares, plan))


def _weights(task: Task, precision: str) -> Weights:
    return {name: torch.from_numpy(a) for name, a in weights(task, precision).items()}


def _logits(w: Weights, n_layer: int, n_head: int, inputs: torch.Tensor) -> torch.Tensor:
    n = len(inputs)
    x = _norm(w["wte"][inputs] + w["wpe"][:n])
    for i in range(n_layer):
        qkv = _norm(x) @ w[f"layer{i}.attn_wqkv"].T
        q, k, v = qkv.view(n, 3, n_head, -1).permute(1, 2, 0, 3)
        mixed = functional.scaled_dot_product_attention(q, k, v, is_causal=True)
        x = x + mixed.transpose(0, 1).reshape(n, -1) @ w[f"layer{i}.attn_wo"].T
        hidden = functional.relu(_norm(x) @ w[f"layer{i}.mlp_fc1"].T)
        x = x + hidden @ w[f"layer{i}.mlp_fc2"].T
    return x @ w["lm_head"].T


def _norm(x: torch.Tensor) -> torch.Tensor:
    return functional.rms_norm(x, x.shape[-1:], eps=1e-5)
