"""The fast engine: the kernel in C (folder kernel/), through ctypes, natively and in Pyodide alike.

The kernel allocates no memory. Each engine has one workspace, which the kernel's table divides into
named arrays; Python reads and writes by that table. Every size and token is checked here, because
the kernel checks nothing.
"""

from __future__ import annotations

import ctypes
import math
import sys
from array import array
from collections.abc import Sequence
from ctypes import byref, c_char, c_int32, c_int64
from typing import Any

from glassgpt.arrays import ITEMSIZE, Array, view
from glassgpt.engines import Gradients
from glassgpt.engines.diagnosis import first_not_finite, worst_gradient
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
from glassgpt.engines.kernel_binding import (
    AdamSettings,
    ArrayInfo,
    Dims,
    Schedule,
    chosen,
    declare,
    is_dense,
    library,
    rows,
)
from glassgpt.errors import EngineError
from glassgpt.model.activations import sites
from glassgpt.model.config import Config, Hyper
from glassgpt.model.parameters import Block, shapes
from glassgpt.model.state import State
from glassgpt.model.tokenizer import TokenLists

ALIGNMENT = 64  # bytes: a vector of AVX-512
MAX_WORKSPACE = 8 * 2**30  # bytes
MAX_WORKSPACE_32_BITS = 2**30
CHUNK_FLOPS = 1e9  # of one call of the kernel: some 50 ms, so that Ctrl-C gets through
KINDS = ("params", "m", "v", "param_grads", "sites", "site_grads")
_DONE, _LOSS_NOT_FINITE, _WEIGHT_NOT_FINITE = range(3)


class FastEngine(Guarded):
    """An `Engine` over the kernel, for one thread at a time."""

    name = "fast"

    def __init__(self, config: Config, vocab_size: int, instruction_set: str = "") -> None:
        super().__init__()
        check_model(config, vocab_size)
        self.instruction_set = chosen(instruction_set)
        declare(self.instruction_set)
        self._config = config
        self._vocab_size = vocab_size
        self._sites = sites(config)
        self._shapes = shapes(config, vocab_size)
        self._dims = Dims(
            config.n_layer, config.n_embd, config.n_head, config.block_size, vocab_size
        )
        self._make_workspace()
        self._table = self._read_table()
        self._tokens = array("i")  # of the last forward

    def _make_workspace(self) -> None:
        most = MAX_WORKSPACE if sys.maxsize > 2**32 else MAX_WORKSPACE_32_BITS
        size = self._least_size()  # checked first: on 32 bits the kernel's sum could wrap around
        if size <= most:
            size = library().glass_workspace_size(byref(self._dims))
        try:
            if size > most:
                raise MemoryError
            self._buffer = bytearray(size + ALIGNMENT)
        except MemoryError:
            raise EngineError(
                f"a model of these sizes needs {size / 2**30:.1f} GiB, more than is free "
                f"or than the fast engine's limit of {most / 2**30:.0f}",
                "choose a smaller --block-size, --n-layer or --n-embd",
            ) from None
        address = ctypes.addressof(c_char.from_buffer(self._buffer))
        first = -address % ALIGNMENT
        self._address = address + first
        self._numbers = memoryview(self._buffer)[first : first + size].cast("d")

    def _least_size(self) -> int:
        """Return the bytes of all named arrays; the workspace is less than twice as large."""
        positions = self._config.block_size
        shapes = [site.shape(self._config, self._vocab_size, positions) for site in self._sites]
        weights = sum(map(math.prod, self._shapes.values()))
        return ITEMSIZE * (2 * sum(map(math.prod, shapes)) + 7 * weights)

    def _read_table(self) -> dict[str, dict[str, ArrayInfo]]:
        count = library().glass_arrays(byref(self._dims), self._address, None, 0)
        infos = (ArrayInfo * count)()
        library().glass_arrays(byref(self._dims), self._address, infos, count)
        table: dict[str, dict[str, ArrayInfo]] = {kind: {} for kind in KINDS}
        for info in infos:
            table[KINDS[info.kind]][info.name.decode()] = info
        return table

    # -- state

    @exclusive
    def load(self, state: State) -> None:
        """Copy parameters and moments from `state`."""
        check_state(state, self._shapes)
        groups = {"params": state.params, "m": state.m, "v": state.v}
        for kind, arrays in groups.items():
            for name in self._shapes:
                self._write(kind, name, arrays[name])
        self._numbers[0] = 1.0  # gradients start from zero
        self._tokens = array("i")

    @exclusive
    def state(self) -> State:
        """Return a copy of parameters and moments."""
        groups = (
            {name: self._read(kind, name, wanted) for name, wanted in self._shapes.items()}
            for kind in ("params", "m", "v")
        )
        return State(*groups)

    @exclusive
    def weight(self, name: str, index: tuple[int, ...]) -> float:
        """Return one number of a parameter."""
        check_index(name, index, self._shapes)
        (row, column), info = index, self._table["params"][name]
        at = info.offset // ITEMSIZE + row * info.strides[0] + column
        return float(self._numbers[at])

    @exclusive
    def fill(self, block: Block, value: float) -> None:
        """Set these cells of a parameter; moments stay."""
        check_block(block, value, self._shapes)
        width = block.right - block.left
        cells = array("d", [value]) * width
        begins = list(rows(self._table["params"][block.param], self._shapes[block.param]))
        for at in begins[block.top : block.bottom]:
            self._numbers[at + block.left : at + block.right] = cells
        self._tokens = array("i")

    # -- phases

    @exclusive
    def forward(self, tokens: Sequence[int]) -> dict[str, Array]:
        """Compute every site for one document and return them by name."""
        self._tokens = self._checked(tokens, 2, self._config.block_size + 1)
        loss = self._call("forward", _address(self._tokens), len(tokens) - 1)
        values = self._all_sites("sites")
        if not math.isfinite(loss):
            raise first_not_finite(self._sites, values)
        return values

    @exclusive
    def backward(self, weight: float = 1.0) -> Gradients:
        """Return the gradients of `weight` × the loss; parameters' add up until `update`."""
        check_number("the weight of a loss", weight)
        if not self._tokens:
            raise EngineError(
                "backward needs a forward before it", "call forward with a document first"
            )
        self._call("backward", _address(self._tokens), len(self._tokens) - 1, weight)
        return Gradients(self._all_sites("site_grads"), self._param_grads())

    @exclusive
    def update(self, hyper: Hyper) -> None:
        """Take one Adam step with the accumulated gradients, then reset these to zero."""
        check_hyper(hyper)
        settings = AdamSettings(
            hyper.learning_rate, hyper.beta1, hyper.beta2, hyper.eps, hyper.step
        )
        if self._call("update", byref(settings)) == _WEIGHT_NOT_FINITE:
            raise worst_gradient(self._param_grads())
        self._tokens = array("i")  # other weights: another forward before another backward

    # -- bulk

    @exclusive
    def run(self, documents: TokenLists, config: Config, start: int, steps: int) -> list[float]:
        """Take `steps` steps after `start` updates, one document each; return their losses."""
        check_documents(documents, self._vocab_size, self._config.block_size)
        check_run(documents, config, start, steps)
        self._tokens = array("i")  # the activations of the last forward are overwritten
        losses = array("d", bytes(ITEMSIZE * steps))
        done = c_int64(0)  # counted by the kernel, so it is right wherever Ctrl-C interrupts
        try:
            while done.value < steps:
                chunk = min(steps - done.value, self._chunk_steps())
                if self._run(documents, config, start, chunk, losses, done) != _DONE:
                    self._explain(documents[(start + done.value) % len(documents)])
            return losses.tolist()
        except BaseException as error:
            error.losses = losses[: done.value].tolist()  # type: ignore[attr-defined]
            raise

    def _run(
        self, documents: TokenLists, config: Config, start: int, steps: int,
        losses: array[float], done: c_int64,
    ) -> int:  # fmt: skip
        schedule = Schedule(
            config.learning_rate, config.beta1, config.beta2, config.eps, config.num_steps
        )
        reason = c_int32(_DONE)
        self._call(
            "run", byref(schedule), len(documents), *documents.addresses(), start + done.value,
            steps, _address(losses) + ITEMSIZE * done.value, byref(done), byref(reason),
        )  # fmt: skip
        return reason.value

    def _chunk_steps(self) -> int:
        weights = sum(math.prod(shape) for shape in self._shapes.values())
        return max(1, int(CHUNK_FLOPS / (6 * weights * self._config.block_size)))

    def _explain(self, tokens: Sequence[int]) -> None:
        """Raise the error of the failing step, by taking it phase by phase."""
        self.forward(tokens)
        raise worst_gradient(self.backward().params)

    @exclusive
    def logits(self, tokens: Sequence[int]) -> Array:
        """Return the logits (V,) of the token that follows `tokens`."""
        known = self._checked(tokens, 1, self._config.block_size)
        self._tokens = array("i")
        out = array("d", bytes(ITEMSIZE * self._vocab_size))
        self._call("logits", _address(known), len(known), _address(out))
        return view(out, (self._vocab_size,))

    @exclusive
    def evaluate(self, documents: TokenLists) -> list[float]:
        """Return the loss of each document, without training."""
        check_documents(documents, self._vocab_size, self._config.block_size)
        self._tokens = array("i")
        losses = array("d", bytes(ITEMSIZE * len(documents)))
        self._call("evaluate", len(documents), *documents.addresses(), _address(losses))
        for i, loss in enumerate(losses):
            if not math.isfinite(loss):
                self.forward(documents[i])  # raises the error with its place
        return losses.tolist()

    # -- inside

    def _call(self, name: str, *arguments: Any) -> Any:
        function = getattr(library(), f"glass_{name}_{self.instruction_set}")
        return function(byref(self._dims), self._address, *arguments)

    def _checked(self, tokens: Sequence[int], least: int, most: int) -> array[int]:
        check_tokens(tokens, least, most, self._vocab_size)
        return array("i", tokens)

    def _all_sites(self, kind: str) -> dict[str, Array]:
        positions = len(self._tokens) - 1
        return {
            site.name: self._read(
                kind, site.name, site.shape(self._config, self._vocab_size, positions)
            )
            for site in self._sites
        }

    def _param_grads(self) -> dict[str, Array]:
        return {name: self._read("param_grads", name, s) for name, s in self._shapes.items()}

    def _read(self, kind: str, name: str, shape: tuple[int, ...]) -> Array:
        """Return a dense copy of the first `shape` of an array."""
        info, width = self._table[kind][name], shape[-1] if shape else 1
        if is_dense(info, shape):
            first = info.offset // ITEMSIZE
            return view(bytearray(self._numbers[first : first + math.prod(shape)]), shape)
        parts = (self._numbers[at : at + width] for at in rows(info, shape))
        return view(bytearray().join(parts), shape)

    def _write(self, kind: str, name: str, a: Array) -> None:
        assert a.shape is not None
        info, flat, width = self._table[kind][name], a.cast("B").cast("d"), a.shape[-1]
        if is_dense(info, a.shape):
            first = info.offset // ITEMSIZE
            self._numbers[first : first + len(flat)] = flat
            return
        for i, at in enumerate(rows(info, a.shape)):
            self._numbers[at : at + width] = flat[i * width : (i + 1) * width]


def _address(numbers: array[Any]) -> int:
    return numbers.buffer_info()[0]
