"""The scalar engine: the interface of `Engine` over the graph of `scalar.py`.

It finds the node of each named number, and keeps the graph after a step for inspection.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

from glassgpt.arrays import Array, array, numbers, zeros
from glassgpt.engines import Gradients
from glassgpt.engines.diagnosis import ZERO_PROBABILITY, first_not_finite, worst_gradient
from glassgpt.engines.gc_pause import gc_paused
from glassgpt.engines.graph import graph_size, pick
from glassgpt.engines.guard import (
    Guarded,
    check_block,
    check_documents,
    check_hyper,
    check_index,
    check_model,
    check_number,
    check_run,
    check_state,
    check_tokens,
    exclusive,
)
from glassgpt.engines.scalar import Matrix, Sizes, Trace, Value, Weights, adam, gpt, loss_of
from glassgpt.errors import DivergenceError, EngineError
from glassgpt.model.activations import Site, sites
from glassgpt.model.config import Config, Hyper, hyper
from glassgpt.model.parameters import Block, shapes
from glassgpt.model.state import State
from glassgpt.model.tokenizer import TokenLists

MAX_NODES = 2_000_000  # about 400 MB, and a second or two for each step


class ScalarEngine(Guarded):
    """An `Engine` over the graph of scalar.py, which it keeps after each step.

    `trace` holds the named numbers of the last document, `weights` the matrices that they were
    computed with, until the next `forward` uses the new ones.
    """

    name = "scalar"
    instruction_set = "python"

    def __init__(self, config: Config, vocab_size: int) -> None:
        super().__init__()
        check_model(config, vocab_size)
        size = graph_size(config, vocab_size, config.block_size, min(config.block_size, vocab_size))
        if size > MAX_NODES:
            raise EngineError(
                f"a full context of this model would be a graph of {size:,} nodes; "
                f"the limit of the scalar engine is {MAX_NODES:,}",
                "choose a smaller --n-embd, --n-layer or --block-size, or --engine fast",
            )
        self._config = config
        self._model = Sizes(config.n_layer, config.n_embd, config.n_head, config.block_size)
        self._shapes = shapes(config, vocab_size)
        self._sites = {site.name: site for site in sites(config)}
        self._vocab_size = vocab_size
        still = {name: zeros(shape) for name, shape in self._shapes.items()}
        self._next: Weights = {}  # the weights of the next forward
        self._m: dict[str, list[float]] = {}
        self._v: dict[str, list[float]] = {}
        self._take(State(still, still, still))
        self._cache: tuple[list[int], Trace] = ([], Trace())
        self.weights: Weights = {}
        self.trace = Trace()
        self._passes: int | None = None  # backward passes over `trace`, None if it allows none

    # -- state

    @exclusive
    def load(self, state: State) -> None:
        """Copy parameters and moments from `state`."""
        check_state(state, self._shapes)
        self._take(state)
        self._forget()

    @exclusive
    def state(self) -> State:
        """Return a copy of parameters and moments."""
        return State(
            {name: _pack(self._next[name], shape) for name, shape in self._shapes.items()},
            {name: array(self._m[name], shape) for name, shape in self._shapes.items()},
            {name: array(self._v[name], shape) for name, shape in self._shapes.items()},
        )

    @exclusive
    def weight(self, name: str, index: tuple[int, ...]) -> float:
        """Return one number of a parameter."""
        check_index(name, index, self._shapes)
        row, column = index
        return self._next[name][row][column].data

    @exclusive
    def fill(self, block: Block, value: float) -> None:
        """Set cells of a parameter; Adam's moments stay.

        A graph that has been computed keeps the weights that it was computed with.
        """
        check_block(block, value, self._shapes)
        matrix = [list(row) for row in self._next[block.param]]
        for row in matrix[block.top : block.bottom]:
            row[block.left : block.right] = [Value(value) for _ in row[block.left : block.right]]
        self._next = {**self._next, block.param: matrix}
        self._cache = ([], Trace())
        self._passes = None  # other weights: another forward before another backward

    # -- phases

    @exclusive
    def forward(self, tokens: Sequence[int]) -> dict[str, Array]:
        """Compute every site for one document and return them by name."""
        check_tokens(tokens, 2, self._config.block_size + 1, self._vocab_size)
        with gc_paused():
            self._forward(tokens)
            return self._values("data")

    @exclusive
    def backward(self, weight: float = 1.0) -> Gradients:
        """Return the gradients of `weight` × the loss; parameters' add up until `update`."""
        check_number("the weight of a loss", weight)
        with gc_paused():
            self._backward(weight)
            by_site = self._values("grad")
            # a row of wte is one leaf for all positions that share its token: the contribution
            # of one position is the gradient of the sum of token and position
            by_site["tok"] = by_site["pos"] = by_site["embd"]
            by_param = {
                name: _pack(self.weights[name], s, "grad") for name, s in self._shapes.items()
            }
            return Gradients(by_site, by_param)

    @exclusive
    def update(self, hyper: Hyper) -> None:
        """Take one Adam step with the accumulated gradients, then reset these to zero."""
        check_hyper(hyper)
        settings = (hyper.step, hyper.learning_rate, hyper.beta1, hyper.beta2, hyper.eps)
        weights, first, second = {}, {}, {}
        for name, matrix in self._next.items():
            # new leaves, so that the graph of the step just taken keeps its numbers
            params = [Value(p.data) for row in matrix for p in row]
            for param, p in zip(params, (p for row in matrix for p in row), strict=True):
                param.grad = p.grad
            width = len(matrix[0])
            weights[name] = [params[i : i + width] for i in range(0, len(params), width)]
            m, v = first[name], second[name] = self._m[name].copy(), self._v[name].copy()
            try:
                adam(params, m, v, *settings)
                finite = math.isfinite(sum(p.data for p in params))
            except OverflowError:  # raised by Python for a square that is too large
                finite = False
            if not finite:
                raise worst_gradient({name: _pack(matrix, self._shapes[name], "grad")})
        self._next, self._m, self._v = weights, first, second
        self._cache = ([], Trace())
        self._passes = None  # other weights: another forward before another backward

    # -- bulk

    @exclusive
    def run(self, documents: TokenLists, config: Config, start: int, steps: int) -> list[float]:
        """Take `steps` steps after `start` updates, one document each; return their losses."""
        check_documents(documents, self._vocab_size, self._config.block_size)
        check_run(documents, config, start, steps)
        losses: list[float] = []
        self._zero_gradients()
        with gc_paused():
            for step in range(start, start + steps):
                try:
                    self._forward(documents[step % len(documents)])
                    self._backward(1.0)
                    self.update(hyper(config, step))
                except BaseException as error:  # Ctrl-C too: a half-added gradient must not stay
                    self._zero_gradients()
                    error.losses = losses  # type: ignore[attr-defined]
                    raise
                losses.append(self.trace["loss"][0].data)
        return losses

    @exclusive
    def logits(self, tokens: Sequence[int]) -> Array:
        """Return the logits (V,) of the token that follows `tokens`."""
        check_tokens(tokens, 1, self._config.block_size, self._vocab_size)
        known, cache = self._cache
        if list(tokens[:-1]) != known:  # another text: begin again
            known, cache = [], Trace()
        with gc_paused():
            for position in range(len(known), len(tokens)):
                logits = gpt(self._next, self._model, tokens[position], position, cache)
        self._cache = (list(tokens), cache)
        return array((logit.data for logit in logits), (self._vocab_size,))

    @exclusive
    def evaluate(self, documents: TokenLists) -> list[float]:
        """Return the loss of each document, without training."""
        check_documents(documents, self._vocab_size, self._config.block_size)
        losses = []
        with gc_paused():
            for tokens in documents:
                losses.append(self._loss(self._next, tokens, Trace()).data)
                if not math.isfinite(losses[-1]):
                    self._forward(tokens)  # raises the error with its place
        return losses

    # -- the graph, opened

    def node(self, name: str, index: Sequence[int]) -> Value:
        """Return the node of a site or parameter at `index`."""
        if name in self._sites:
            return pick(self.trace[name], self._sites[name], index)
        row, column = index
        return self.weights[name][row][column]

    # -- inside

    def _take(self, state: State) -> None:
        self._next = {
            name: _matrix(state.params[name], width) for name, (_, width) in self._shapes.items()
        }
        self._m = {name: numbers(state.m[name]) for name in self._shapes}
        self._v = {name: numbers(state.v[name]) for name in self._shapes}

    def _forward(self, tokens: Sequence[int]) -> None:
        self.trace = Trace()  # lets the last graph go before the next one grows
        self._passes = None
        self.weights = self._next
        loss = self._loss(self.weights, tokens, self.trace)
        if not math.isfinite(loss.data):
            raise first_not_finite(self._sites.values(), self._values("data"))
        self._passes = 0

    def _loss(self, weights: Weights, tokens: Sequence[int], trace: Trace) -> Value:
        try:
            return loss_of(weights, self._model, tokens, trace)
        except ValueError:  # raised by Python for the logarithm of 0
            position = len(trace["probs"]) - 1
            raise DivergenceError(ZERO_PROBABILITY, "losses", (position,)) from None

    def _backward(self, weight: float) -> None:
        if self._passes is None:
            raise EngineError(
                "backward needs a forward before it", "call forward with a document first"
            )
        loss: Value = self.trace["loss"][0]
        if self._passes:  # again: nodes between loss and weights start from 0
            for node in loss.topological_order():
                node.grad = 0.0
        self._passes += 1
        loss.backward(weight)

    def _forget(self) -> None:
        self.trace, self.weights, self._cache = Trace(), {}, ([], Trace())
        self._passes = None

    def _zero_gradients(self) -> None:
        for p in (p for matrix in self._next.values() for row in matrix for p in row):
            p.grad = 0.0

    def _values(self, attribute: str) -> dict[str, Array]:
        return {name: self._site(name, attribute) for name in self._sites}

    def _site(self, name: str, attribute: str) -> Array:
        site = self._sites[name]
        shape = site.shape(self._config, self._vocab_size, len(self.trace["losses"]))
        return array((getattr(node, attribute) for node in self._nodes(site, shape)), shape)

    def _nodes(self, site: Site, shape: tuple[int, ...]) -> Iterator[Value]:
        """Yield the nodes of a site in row-major order; a constant stands for a masked one."""
        rows = self.trace[site.name]
        if site.axes == ("H", "T", "S"):
            future = Value(-math.inf if site.op == "scores" else 0.0)
            heads, positions, _ = shape
            for h in range(heads):
                for t in range(positions):
                    yield from rows[t][h]
                    yield from [future] * (positions - 1 - t)
        elif len(site.axes) == 2:
            for row in rows:
                yield from row
        else:
            yield from rows


def _matrix(a: Array, width: int) -> Matrix:
    leaves = [Value(number) for number in numbers(a)]
    return [leaves[i : i + width] for i in range(0, len(leaves), width)]


def _pack(matrix: Matrix, shape: tuple[int, int], attribute: str = "data") -> Array:
    return array((getattr(p, attribute) for row in matrix for p in row), shape)
