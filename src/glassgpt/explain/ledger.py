"""The next update of one weight, and the check of its gradient by pushing the weight."""

from __future__ import annotations

import sys
from collections.abc import Mapping

from glassgpt.address import Address
from glassgpt.arrays import Array, array, numbers, shape
from glassgpt.config import hyper
from glassgpt.engines import Engine
from glassgpt.errors import AddressError
from glassgpt.explain.explanation import Ledger, Nudge
from glassgpt.explain.passed import Pass
from glassgpt.explain.source import UPDATE, lines
from glassgpt.snapshot import State

EPSILON = 1e-5  # balances what a difference leaves out (∝ ε²) and rounding (∝ 1/ε)
_ROUNDING = 16 * sys.float_info.epsilon  # what a loss may be off by, relative


def ledger(p: Pass, address: Address) -> Ledger:
    """Return the update that follows, in the scalar engine's own order of operations.

    With that engine's numbers `new_weight` is its next weight to the last bit.
    """
    name, at = address.name, address.index
    h = hyper(p.config, p.step)
    weight, g, m, v = (
        p.values[name][at],
        p.grads[name][at],
        p.state.m[name][at],
        p.state.v[name][at],
    )
    new_m = h.beta1 * m + (1 - h.beta1) * g
    new_v = h.beta2 * v + (1 - h.beta2) * g**2
    m_hat = new_m / (1 - h.beta1**h.step)
    v_hat = new_v / (1 - h.beta2**h.step)
    delta = -(h.learning_rate * m_hat / (v_hat**0.5 + h.eps))
    return Ledger(
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
        lines=lines(UPDATE),
    )


def nudge(engine: Engine, p: Pass, address: Address, epsilon: float = EPSILON) -> Nudge:
    """Return the slope of the loss between weight − ε and weight + ε, beside the gradient.

    `engine` computes the loss anew with the weight pushed, by ε and by 2ε, both ways. Raises
    `AddressError` where the address is no parameter's.
    """
    name, at = address.name, address.index
    if name not in p.state.params:
        raise AddressError(
            f"{name} is computed, so it cannot be pushed", "only a parameter can: wte, lm_head, …"
        )
    weight, here = p.values[name][at], p.values
    spots = {k: weight + k * epsilon for k in (-2, -1, 1, 2)}
    runs = {k: _forward(engine, p, address, spot) for k, spot in spots.items()}
    loss = {0: here["loss"][()], **{k: run["loss"][()] for k, run in runs.items()}}
    spots[0] = weight  # spots, not multiples of ε: a sum is rounded

    def slope(low: int, high: int) -> float:
        return (loss[high] - loss[low]) / (spots[high] - spots[low])

    kinks = _switches(p, runs[-2], runs[2])
    left_out = abs(slope(-2, 2) - slope(-1, 1)) / 3  # what is left out grows with ε²
    if kinks:
        left_out = abs(slope(0, 1) - slope(-1, 0)) / 2 + abs(slope(-2, 2) - slope(-1, 1))
    rounding = _ROUNDING * max(1.0, abs(loss[0])) / epsilon
    return Nudge(
        epsilon=epsilon,
        loss=loss[0],
        loss_up=loss[1],
        loss_down=loss[-1],
        slope=slope(-1, 1),
        grad=p.grads[name][at],
        error=2 * left_out + rounding,
        switches=kinks,
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
