"""The next Adam update of one weight, and the finite-difference check of its gradient."""

from __future__ import annotations

import sys
from collections.abc import Mapping

from glassgpt.analysis.explain.explanation import AdamUpdate, Entry, GradientCheck
from glassgpt.analysis.explain.passed import Pass
from glassgpt.analysis.explain.source import UPDATE, lines
from glassgpt.analysis.explain.words import bracketed, figure
from glassgpt.arrays import Array, array, numbers, shape
from glassgpt.engines import Engine
from glassgpt.engines.diagnosis import worst_gradient
from glassgpt.errors import AddressError
from glassgpt.model.address import Address
from glassgpt.model.config import Hyper, hyper
from glassgpt.model.state import State

EPSILON = 1e-5  # balances truncation error (∝ ε²) and rounding (∝ 1/ε)
_ROUNDING = 16 * sys.float_info.epsilon  # the relative error of a loss


def adam_update(p: Pass, address: Address) -> AdamUpdate:
    """Return the next update, in the scalar engine's own order of operations.

    With that engine's numbers `new_weight` is its next weight to the last bit. Raises
    `DivergenceError` if the gradient is too large for an update.
    """
    name, at = address.name, address.index
    h, g = hyper(p.config, p.step), p.grads[name][at]
    weight, m, v = (group[name][at] for _, group in p.state.groups())
    new_m = h.beta1 * m + (1 - h.beta1) * g
    try:
        new_v = h.beta2 * v + (1 - h.beta2) * g**2
    except OverflowError:  # an update would stop here too
        raise worst_gradient({name: p.grads[name]}) from None
    m_hat = new_m / (1 - h.beta1**h.step)
    v_hat = new_v / (1 - h.beta2**h.step)
    delta = -(h.learning_rate * m_hat / (v_hat**0.5 + h.eps))
    made = (new_m, new_v, m_hat, v_hat, delta, weight + delta)
    return AdamUpdate(
        step=h.step,
        weight=weight,
        g=g,
        m=m,
        v=v,
        new_m=new_m,
        new_v=new_v,
        m_hat=m_hat,
        v_hat=v_hat,
        learning_rate=h.learning_rate,
        beta1=h.beta1,
        beta2=h.beta2,
        eps=h.eps,
        delta=delta,
        new_weight=weight + delta,
        entries=_entries(h, weight, g, m, v, made),
    )


# fmt: off
_FORMULAS = (  # the result of a line, in symbols, in figures; n is the number of the update
    ("m", "β₁ · m + (1 − β₁) · g",  "{beta1} · {m} + {rest1} · {g}"),
    ("v", "β₂ · v + (1 − β₂) · g²", "{beta2} · {v} + {rest2} · {g}²"),
    ("m̂", "m / (1 − β₁ⁿ)",          "{new_m} / (1 − {beta1}^{n})"),
    ("v̂", "v / (1 − β₂ⁿ)",          "{new_v} / (1 − {beta2}^{n})"),
    ("Δ", "−lr · m̂ / (√v̂ + ε)",     "−{lr} · {m_hat} / (√{v_hat} + {eps})"),
    ("w", "w + Δ",                  "{w} + {delta}"),
)
# fmt: on


def _entries(
    h: Hyper, weight: float, g: float, m: float, v: float, made: tuple[float, ...]
) -> tuple[Entry, ...]:
    new_m, new_v, m_hat, v_hat, delta, _ = made
    shown = {
        "beta1": h.beta1, "beta2": h.beta2, "rest1": 1 - h.beta1, "rest2": 1 - h.beta2,
        "lr": h.learning_rate, "eps": h.eps, "w": weight, "g": g, "m": m, "v": v,
        "new_m": new_m, "new_v": new_v, "m_hat": m_hat, "v_hat": v_hat, "delta": delta,
    }  # fmt: skip
    figures = {name: bracketed(number) for name, number in shown.items()}
    code = lines((*UPDATE, UPDATE[-1]))  # one line of Python makes Δ and adds it
    return tuple(
        Entry(name, formula, numbers.format(**figures, n=h.step), number, line)
        for (name, formula, numbers), number, line in zip(_FORMULAS, made, code, strict=True)
    )


def gradient_check(
    engine: Engine, p: Pass, address: Address, epsilon: float = EPSILON
) -> GradientCheck:
    """Return the slope of the loss between weight − ε and weight + ε, with the gradient.

    `engine` computes the loss with the weight changed by ±ε and ±2ε. Raises `AddressError` if the
    address is not that of a parameter.
    """
    name, at = address.name, address.index
    if name not in p.state.params:
        raise AddressError(
            f"{name} is computed, so it cannot be changed for a gradient check",
            "only a parameter can: wte, lm_head, …",
        )
    weight, here = p.values[name][at], p.values
    spots = {k: weight + k * epsilon for k in (-2, -1, 1, 2)}
    runs = {k: _forward(engine, p, address, spot) for k, spot in spots.items()}
    loss = {0: here["loss"][()], **{k: run["loss"][()] for k, run in runs.items()}}
    spots[0] = weight  # exact weights, not multiples of ε: a sum is rounded

    def slope(low: int, high: int) -> float:
        return (loss[high] - loss[low]) / (spots[high] - spots[low])

    kinks = _switches(p, runs[-2], runs[2])
    left_out = abs(slope(-2, 2) - slope(-1, 1)) / 3  # the truncation error grows with ε²
    if kinks:
        left_out = abs(slope(0, 1) - slope(-1, 0)) / 2 + abs(slope(-2, 2) - slope(-1, 1))
    rounding = _ROUNDING * max(1.0, abs(loss[0])) / epsilon
    return GradientCheck(
        epsilon=epsilon,
        loss=loss[0],
        loss_up=loss[1],
        loss_down=loss[-1],
        slope=slope(-1, 1),
        grad=p.grads[name][at],
        error=2 * left_out + rounding,
        switches=kinks,
        formula="(loss(w + ε) − loss(w − ε)) / 2ε",
        numbers=f"({loss[1]!r} − {loss[-1]!r}) / {figure(spots[1] - spots[-1])}",
    )


def _forward(engine: Engine, p: Pass, address: Address, weight: float) -> Mapping[str, Array]:
    a = p.state.params[address.name]
    pushed = array(numbers(a), shape(a))
    pushed[address.index] = weight
    params = {**p.state.params, address.name: pushed}
    engine.load(State(params, p.state.m, p.state.v))
    return engine.forward(p.tokens)


def _switches(p: Pass, low: Mapping[str, Array], high: Mapping[str, Array]) -> int:
    """Return how many ReLUs are on in one and off in the other."""
    relus = [site.name for site in p.sites.values() if site.op == "relu"]
    pairs = ((numbers(low[name]), numbers(high[name])) for name in relus)
    return sum((a > 0) != (b > 0) for xs, ys in pairs for a, b in zip(xs, ys, strict=True))
