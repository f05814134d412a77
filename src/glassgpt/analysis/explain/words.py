"""Addresses in words, and numbers as short text."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from glassgpt.analysis.explain.passed import Pass
from glassgpt.model.activations import Site
from glassgpt.model.address import Address, Index

_LAYER = re.compile(r"^layer(\d+)\.")

# fmt: off
SITES = {  # by name within a layer; the letters are the axes of activations.py
    "tok": "channel {C} of the token embedding at {T}",
    "pos": "channel {C} of the position embedding at {T}",
    "embd": "channel {C} of token and position together at {T}",
    "norm.scale": "the scale of the first norm at {T}",
    "norm": "channel {C} after the first norm at {T}",
    "attn.norm.scale": "the scale of the attention's norm at {T}",
    "attn.norm": "channel {C} after the attention's norm at {T}",
    "attn.q": "query {C} at {T}; {D}",
    "attn.k": "key {C} at {T}; {D}",
    "attn.v": "value {C} at {T}; {D}",
    "attn.scores": "the score that head {H} gives, at {T}, to {S}",
    "attn.weights": "the share that head {H} takes, at {T}, from {S}",
    "attn.heads": "channel {C} of the mixed values at {T}; {D}",
    "attn.out": "channel {C} of the attention's output at {T}",
    "attn.resid": "channel {C} of the stream after the attention at {T}",
    "mlp.norm.scale": "the scale of the MLP's norm at {T}",
    "mlp.norm": "channel {C} after the MLP's norm at {T}",
    "mlp.fc1": "hidden unit {F} before its ReLU at {T}",
    "mlp.relu": "hidden unit {F} after its ReLU at {T}",
    "mlp.fc2": "channel {C} of the MLP's output at {T}",
    "mlp.resid": "channel {C} of the stream after the MLP at {T}",
    "logits": "the logit of {V} at {T}",
    "probs": "the probability of {V} at {T}",
    "losses": "the surprise at {T}, in nats: {N} comes next",
    "loss": "the loss of this document: its mean surprise, in nats",
}
PARAMETERS = {  # rows and columns
    "wte": "the weight that is channel {column} of the embedding of {V}",
    "wpe": "the weight that is channel {column} of the embedding of position {row}",
    "lm_head": "the weight from channel {column} to the logit of {V}",
    "attn_wq": "the weight from channel {column} to query {row}; {D}",
    "attn_wk": "the weight from channel {column} to key {row}; {D}",
    "attn_wv": "the weight from channel {column} to value {row}; {D}",
    "attn_wo": "the weight from mixed value {column} to channel {row} of the attention's output",
    "mlp_fc1": "the weight from channel {column} to hidden unit {row}",
    "mlp_fc2": "the weight from hidden unit {column} to channel {row} of the MLP's output",
}
KINDS = {
    "value": "{}",
    "grad": "the gradient of the loss with respect to {}",
    "m": "Adam's m, the running mean of the gradient, of {}",
    "v": "Adam's v, the running mean of the squared gradient, of {}",
}
# fmt: on


def in_words(p: Pass, address: Address) -> str:
    """Return what an address means, as a sentence without its full stop."""
    match = _LAYER.match(address.name)
    words = _where(p, address, "position {}, where the document has {}")
    words = f"{words}; layer {match[1]}" if match else words
    return KINDS[address.kind].format(words)


def in_brief(p: Pass, address: Address) -> str:
    """Return the words without the layer and the document, for where these are shown."""
    return _where(p, address, "position {} ({})").partition(";")[0]


def _where(p: Pass, address: Address, position: str) -> str:
    name = _LAYER.sub("", address.name)
    if name in SITES:
        return _site(p, p.sites[address.name], SITES[name], address.index, position)
    return _parameter(p, name, address.index)


def _site(p: Pass, site: Site, words: str, index: Index, position: str) -> str:
    at: dict[str, int] = dict(zip(site.axes, index, strict=True))
    places: dict[str, object] = {**at, "D": _head(p, at.get("C", 0))}
    if "T" in at:
        t = at["T"]
        places["T"] = position.format(t, token(p, p.tokens[t]))
        places["N"] = token(p, p.tokens[t + 1])
    places |= {axis: spot(p, axis, at[axis]) for axis in "SV" if axis in at}
    return words.format(**places)


def _parameter(p: Pass, name: str, index: Index) -> str:
    row, column = index
    named = token(p, row) if name in ("wte", "lm_head") else ""
    return PARAMETERS[name].format(row=row, column=column, V=named, D=_head(p, row))


def _head(p: Pass, channel: int) -> str:
    head, within = divmod(channel, p.config.head_dim)
    return f"head {head}, its channel {within}"


def spot(p: Pass, axis: str, i: int) -> str:
    """Return place `i` of an axis in a word or two."""
    if axis == "V":
        return token(p, i)
    if axis in "TS":
        return f"position {i} ({token(p, p.tokens[i])})"
    return f"{ {'C': 'channel', 'F': 'hidden unit', 'H': 'head'}[axis] } {i}"


def token(p: Pass, i: int) -> str:
    """Return token `i` as it is written in a sentence."""
    return "BOS" if i == p.tokenizer.bos else repr(p.tokenizer.name(i))


def figure(number: float) -> str:
    """Return a number to four digits, with a real minus."""
    return f"{number + 0.0:.4g}".replace("-", "−").replace("inf", "∞")


def bracketed(number: float) -> str:
    """Return a number as it is written after an operator."""
    return f"({figure(number)})" if number < 0 else figure(number)


def added(texts: Sequence[str], most: int = 3) -> str:
    """Return a sum written out; after the first few the others are only counted."""
    text = " + ".join(texts[:most]).replace("+ −", "− ") or "0, it is not used"
    left = len(texts) - most
    return f"{text} + … ({left} more)" if left > 0 else text


def times(numbers: Iterable[float]) -> str:
    """Return a product written out."""
    first, *others = numbers
    return " · ".join((figure(first), *map(bracketed, others)))
