"""The same model in PyTorch, float64, for its gradients."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from torch.nn import functional

from glassgpt import Config
from glassgpt.arrays import Array


def norm(x: torch.Tensor) -> torch.Tensor:
    return x * (x.pow(2).mean(-1, keepdim=True) + 1e-5).rsqrt()


def loss_and_gradients(
    config: Config, params: Mapping[str, Array], tokens: Sequence[int]
) -> tuple[float, dict[str, np.ndarray]]:
    w = {n: torch.tensor(np.asarray(a), requires_grad=True) for n, a in params.items()}
    ids, n = torch.tensor(tokens), len(tokens) - 1

    def heads(x: torch.Tensor) -> torch.Tensor:
        return x.view(n, config.n_head, config.head_dim).transpose(0, 1)  # (H, T, D)

    x = norm(w["wte"][ids[:-1]] + w["wpe"][:n])
    for i in range(config.n_layer):
        h = norm(x)
        q, k, v = (heads(h @ w[f"layer{i}.attn_w{c}"].T) for c in "qkv")
        mixed = functional.scaled_dot_product_attention(q, k, v, is_causal=True)
        x = x + mixed.transpose(0, 1).reshape(n, -1) @ w[f"layer{i}.attn_wo"].T
        hidden = functional.relu(norm(x) @ w[f"layer{i}.mlp_fc1"].T)
        x = x + hidden @ w[f"layer{i}.mlp_fc2"].T
    loss = functional.cross_entropy(x @ w["lm_head"].T, ids[1:])
    loss.backward()
    return loss.item(), {name: p.grad.numpy() for name, p in w.items() if p.grad is not None}
