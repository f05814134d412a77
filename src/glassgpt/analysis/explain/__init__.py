"""Explanations: how every value and gradient of a model is computed, from its own numbers.

    p = pass_through(engine, config, tokenizer, step, state, tokens)
    explain(p, "layer0.attn.q[3,7]").value.terms

`activations.py` has the inputs of each site, `ops.py` in this folder the rule of each op. The name
of a site is needed only for its description and its line of Python.
"""

from __future__ import annotations

from glassgpt.analysis.explain.breakdowns import kept, made, used
from glassgpt.analysis.explain.explanation import (
    AdamUpdate,
    Breakdown,
    Entry,
    Explanation,
    Factor,
    GradientCheck,
    Line,
    Term,
)
from glassgpt.analysis.explain.passed import Pass, pass_through
from glassgpt.analysis.explain.update import adam_update, gradient_check
from glassgpt.analysis.explain.words import in_words

__all__ = [
    "AdamUpdate",
    "Breakdown",
    "Entry",
    "Explanation",
    "Factor",
    "GradientCheck",
    "Line",
    "Pass",
    "Term",
    "adam_update",
    "explain",
    "gradient_check",
    "pass_through",
]


def explain(p: Pass, text: str) -> Explanation:
    """Return the explanation of the number at an address; raise `AddressError` if there is none.

    An explanation has value and gradient, so `grad:` differs from `value:` only in its words. For
    `m:` and `v:` its value is Adam's moment instead of the weight.
    """
    address = p.address(text)
    words = in_words(p, address)
    if address.name in p.sites:
        sentence = p.sites[address.name].sentence
        return Explanation(str(address), words, sentence, made(p, address), used(p, address))
    update = adam_update(p, address)
    sentence = f"learned: drawn at random at first, then moved by {p.step:,} updates"
    value = kept(address, update)
    return Explanation(str(address), words, sentence, value, used(p, address), update)
