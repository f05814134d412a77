"""Activations: every named array inside the model, in the order of computation.

A named array is a *site*. A site has its axes, the operation that computes it, the inputs, and
one sentence. Engines fill sites; the contract tests, explanations, the page's layout and the docs
read this table. It holds no numbers.

    T position   S attended position   C channel   H head   F hidden unit   V token
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from glassgpt.model.config import Config

Axis = Literal["T", "S", "C", "H", "F", "V"]
Op = Literal[
    "embedding", "sum", "norm_scale", "product", "linear", "scores", "softmax", "attend", "relu",
    "nll", "mean",
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Site:
    """One named array: `name` over `axes`, made by `op` from `inputs` (sites) and a `weight`."""

    name: str
    axes: tuple[Axis, ...]
    op: Op
    inputs: tuple[str, ...]
    sentence: str
    weight: str = ""  # the parameter that the operation uses, if any

    def shape(self, config: Config, vocab_size: int, positions: int) -> tuple[int, ...]:
        """Return the length of each axis for a document of this many `positions`."""
        C, F = config.n_embd, config.n_hidden
        size = {"T": positions, "S": positions, "C": C, "H": config.n_head, "F": F, "V": vocab_size}
        return tuple(size[axis] for axis in self.axes)


TC: tuple[Axis, ...] = ("T", "C")
HTS: tuple[Axis, ...] = ("H", "T", "S")


def sites(config: Config) -> tuple[Site, ...]:
    """Return every site of a model, in the order of computation."""
    table = list(_embedding())
    stream = "norm"
    for i in range(config.n_layer):
        table += _layer(f"layer{i}", stream)
        stream = f"layer{i}.mlp.resid"
    return (*table, *_head(stream))


# fmt: off
def _embedding() -> tuple[Site, ...]:
    return (
        Site("tok", TC, "embedding", (), "token embedding: a token's row of wte", "wte"),
        Site("pos", TC, "embedding", (), "position embedding: a position's row of wpe", "wpe"),
        Site("embd", TC, "sum", ("tok", "pos"), "token and position embedding, added"),
        *_norm("norm", "embd"),
    )


def _norm(name: str, stream: str) -> tuple[Site, ...]:
    return (
        Site(f"{name}.scale", ("T",), "norm_scale", (stream,),
             "one over the root mean square of the channels: (mean of squares + 1e-5) ** -0.5"),
        Site(name, TC, "product", (stream, f"{name}.scale"),
             "the channels, normalized to a root mean square of 1"),
    )


def _layer(layer: str, stream: str) -> tuple[Site, ...]:
    attn, mlp = f"{layer}.attn", f"{layer}.mlp"
    return (
        *_norm(f"{attn}.norm", stream),
        Site(f"{attn}.q", TC, "linear", (f"{attn}.norm",),
             "queries: what a position looks for", f"{layer}.attn_wq"),
        Site(f"{attn}.k", TC, "linear", (f"{attn}.norm",),
             "keys: what a position offers", f"{layer}.attn_wk"),
        Site(f"{attn}.v", TC, "linear", (f"{attn}.norm",),
             "values: what a position passes on", f"{layer}.attn_wv"),
        Site(f"{attn}.scores", HTS, "scores", (f"{attn}.q", f"{attn}.k"),
             "query · key / √D: how well S fits what T looks for; the future is masked (−∞)"),
        Site(f"{attn}.weights", HTS, "softmax", (f"{attn}.scores",),
             "the scores as shares that add up to 1; those of the future are 0"),
        Site(f"{attn}.heads", TC, "attend", (f"{attn}.weights", f"{attn}.v"),
             "the values, mixed in these shares; head after head along the channels"),
        Site(f"{attn}.out", TC, "linear", (f"{attn}.heads",),
             "the output of the heads, projected to the channels", f"{layer}.attn_wo"),
        Site(f"{attn}.resid", TC, "sum", (f"{attn}.out", stream),
             "added to the residual stream"),
        *_norm(f"{mlp}.norm", f"{attn}.resid"),
        Site(f"{mlp}.fc1", ("T", "F"), "linear", (f"{mlp}.norm",),
             "hidden units of the MLP, four for each channel", f"{layer}.mlp_fc1"),
        Site(f"{mlp}.relu", ("T", "F"), "relu", (f"{mlp}.fc1",),
             "hidden units, with 0 in place of negative numbers"),
        Site(f"{mlp}.fc2", TC, "linear", (f"{mlp}.relu",),
             "the hidden units, projected to the channels", f"{layer}.mlp_fc2"),
        Site(f"{mlp}.resid", TC, "sum", (f"{mlp}.fc2", f"{attn}.resid"),
             "added to the residual stream"),
    )


def _head(stream: str) -> tuple[Site, ...]:
    return (
        Site("logits", ("T", "V"), "linear", (stream,),
             "a score for each token that could come next", "lm_head"),
        Site("probs", ("T", "V"), "softmax", ("logits",),
             "the scores as probabilities that add up to 1"),
        Site("losses", ("T",), "nll", ("probs",),
             "−log of the probability of the actual next token, in nats"),
        Site("loss", (), "mean", ("losses",), "the mean of the losses, which training minimizes"),
    )
# fmt: on
