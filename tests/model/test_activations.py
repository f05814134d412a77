"""The table of activations is right: every site, computed again by NumPy from its inputs."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from numpy.typing import NDArray

from glassgpt import Config, Session
from glassgpt.model.activations import Site, sites
from glassgpt.model.parameters import shapes
from tests.support import models

Numbers = NDArray[np.float64]


def made_by(
    site: Site, inputs: list[Numbers], weight: Numbers | None, tokens: list[int], n_head: int
) -> Numbers:
    """The numbers of `site`, computed by its op from its inputs and weight."""
    x = inputs[0] if inputs else np.empty(0)

    def heads(a: Numbers) -> Numbers:  # (T, C) → (H, T, D)
        return a.reshape(len(a), n_head, -1).transpose(1, 0, 2)

    match site.op:
        case "embedding":
            assert weight is not None
            return weight[tokens[:-1]] if site.name == "tok" else weight[: len(tokens) - 1]
        case "sum":
            return x + inputs[1]
        case "norm_scale":
            return (np.mean(x**2, axis=1) + 1e-5) ** -0.5
        case "product":
            return x * inputs[1][:, None]
        case "linear":
            assert weight is not None
            return x @ weight.T
        case "scores":
            q, k = heads(x), heads(inputs[1])
            scores = q @ k.transpose(0, 2, 1) / np.sqrt(q.shape[2])
            scores[:, np.triu(np.ones(scores.shape[1:], bool), 1)] = -np.inf
            return scores
        case "softmax":
            e = np.exp(x - x.max(axis=-1, keepdims=True))
            return e / e.sum(axis=-1, keepdims=True)
        case "attend":
            mixed = x @ heads(inputs[1])
            return mixed.transpose(1, 0, 2).reshape(inputs[1].shape)
        case "relu":
            return np.maximum(x, 0)
        case "nll":
            return -np.log(x[np.arange(len(x)), tokens[1:]])
        case "mean":
            return np.asarray(np.mean(x))


@given(config=models.configs(), documents=models.documents)
def test_every_site_equals_its_op_on_its_inputs(config: Config, documents: list[str]) -> None:
    session = Session(config, documents, engine="scalar")
    tokens = session.tokens(session.document(0))
    params = {n: np.asarray(a) for n, a in session.engine.state().params.items()}
    values = {n: np.asarray(a) for n, a in session.engine.forward(tokens).items()}
    for site in sites(config):
        inputs = [values[name] for name in site.inputs]
        weight = params[site.weight] if site.weight else None
        wanted = made_by(site, inputs, weight, tokens, config.n_head)
        np.testing.assert_allclose(values[site.name], wanted, rtol=1e-9, atol=1e-12)


@given(config=models.configs())
def test_inputs_come_before_and_every_parameter_takes_part(config: Config) -> None:
    seen: set[str] = set()
    for site in sites(config):
        assert set(site.inputs) <= seen, site.name
        assert site.name not in seen
        seen.add(site.name)
    weights = [site.weight for site in sites(config) if site.weight]
    assert sorted(weights) == sorted(shapes(config, 5))
