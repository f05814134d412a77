"""The lines of `engines/scalar.py` that compute a number, found by their text."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable
from functools import cache
from typing import Any

from glassgpt.analysis.explain.explanation import Line
from glassgpt.engines import scalar
from glassgpt.engines.scalar import Value
from glassgpt.model.activations import Site

Place = tuple[Callable[..., Any], str]  # a function, and a text found in only one of its lines

# fmt: off
SITES: dict[str, Place] = {  # by name within a layer
    "tok":             (scalar.gpt, 'note("tok"'),
    "pos":             (scalar.gpt, 'note("pos"'),
    "embd":            (scalar.gpt, "add(what, where)"),
    "norm.scale":      (scalar.rmsnorm, "** -0.5"),
    "norm":            (scalar.rmsnorm, "xi * scale"),
    "attn.norm.scale": (scalar.rmsnorm, "** -0.5"),
    "attn.norm":       (scalar.rmsnorm, "xi * scale"),
    "attn.q":          (scalar.attention, '.attn_wq"'),
    "attn.k":          (scalar.attention, '.attn_wk"'),
    "attn.v":          (scalar.attention, '.attn_wv"'),
    "attn.scores":     (scalar.attention, "dot(q[h], k[h])"),
    "attn.weights":    (scalar.attention, "softmax(row)"),
    "attn.heads":      (scalar.attention, "dot(weights["),
    "attn.out":        (scalar.attention, '.attn_wo"'),
    "attn.resid":      (scalar.attention, "add(out, stream)"),
    "mlp.norm.scale":  (scalar.rmsnorm, "** -0.5"),
    "mlp.norm":        (scalar.rmsnorm, "xi * scale"),
    "mlp.fc1":         (scalar.mlp, '.mlp_fc1"'),
    "mlp.relu":        (scalar.mlp, "h.relu()"),
    "mlp.fc2":         (scalar.mlp, '.mlp_fc2"'),
    "mlp.resid":       (scalar.mlp, "add(out, stream)"),
    "logits":          (scalar.gpt, 'w["lm_head"]'),
    "probs":           (scalar.loss_of, "softmax(gpt("),
    "losses":          (scalar.loss_of, "-probs[target].log()"),
    "loss":            (scalar.loss_of, "sum(losses)"),
}
OPS: dict[str, tuple[Place, ...]] = {  # the arithmetic, if it has its own function
    "sum":        ((scalar.add, "x + y"),),
    "norm_scale": ((scalar.rmsnorm, "dot(x, x)"),),
    "linear":     ((scalar.linear, "dot(row, x)"),),
    "softmax":    ((scalar.softmax, ".exp()"), (scalar.softmax, "sum(exps)"),
                   (scalar.softmax, "e / total")),
    "relu":       ((Value.relu, "max(0.0"),),
    "nll":        ((Value.log, "math.log"),),
}
BACKWARD: tuple[Place, ...] = (
    (Value.backward, "left.grad += node.d_left"),
    (Value.backward, "right.grad += node.d_right"),
)
SEED: tuple[Place, ...] = ((Value.backward, "self.grad += grad"),)
UPDATE: tuple[Place, ...] = (
    (scalar.adam, "m[i] = beta1 *"),
    (scalar.adam, "v[i] = beta2 *"),
    (scalar.adam, "m_hat = m[i]"),
    (scalar.adam, "v_hat = v[i]"),
    (scalar.adam, "p.data -="),
)
KEPT = {"value": UPDATE[-1:], "m": UPDATE[:1], "v": UPDATE[1:2]}
# fmt: on


def lines_of(site: Site) -> tuple[Line, ...]:
    """Return the line that fills a site, then those of its op."""
    name = re.sub(r"^layer\d+\.", "", site.name)
    return lines((SITES[name], *OPS.get(site.op, ())))


@cache
def lines(places: tuple[Place, ...]) -> tuple[Line, ...]:
    """Return the line at each of these places."""
    return tuple(_line(function, fragment) for function, fragment in places)


def _line(function: Callable[..., Any], fragment: str) -> Line:
    source, first = inspect.getsourcelines(function)
    found = [i for i, line in enumerate(source) if fragment in line]
    assert len(found) == 1, f"{fragment!r} is in {len(found)} lines of {function.__name__}"
    return Line("engines/scalar.py", first + found[0], source[found[0]].strip())
