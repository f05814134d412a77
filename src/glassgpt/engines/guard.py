"""Checks before an engine computes: one caller at a time, and valid arguments.

The kernel itself checks nothing: a wrong argument would cause a crash, or wrong numbers later. A
function here raises `EngineError` before anything is changed.
"""

from __future__ import annotations

import functools
import math
import threading
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Concatenate, NoReturn, ParamSpec, TypeVar

from glassgpt.errors import EngineError
from glassgpt.model.config import Config, Hyper
from glassgpt.model.parameters import Block
from glassgpt.model.state import State
from glassgpt.model.tokenizer import MAX_VOCABULARY, TokenLists

MAX_STEP = 2**53  # the largest step number; a float64 holds it exactly
MAX_STEPS = 10_000_000  # in one call; also the limit of a run


Engine = TypeVar("Engine", bound="Guarded")
Arguments = ParamSpec("Arguments")
Result = TypeVar("Result")


class Guarded:
    """Base class of engines: one thread at a time may call it."""

    def __init__(self) -> None:
        self._lock = threading.RLock()  # reentrant: its methods call each other


def exclusive(
    method: Callable[Concatenate[Engine, Arguments], Result],
) -> Callable[Concatenate[Engine, Arguments], Result]:
    """Let one thread at a time call the method; a second thread gets an `EngineError`.

    The second thread does not wait: two threads that take turns at one engine are a mistake too.
    """

    @functools.wraps(method)
    def guarded(self: Engine, /, *args: Arguments.args, **kwargs: Arguments.kwargs) -> Result:
        if not self._lock.acquire(blocking=False):
            raise EngineError(
                "this engine is in use by another thread", "create an engine for each thread"
            )
        try:
            return method(self, *args, **kwargs)
        finally:
            self._lock.release()

    return guarded


def check_model(config: object, vocab_size: object) -> None:
    """Raise `EngineError` unless the settings and the vocabulary size are valid."""
    if not isinstance(config, Config):
        _refuse(f"the settings are {config!r}", "give a Config")
    if not _is_whole(vocab_size, 2, MAX_VOCABULARY + 1):
        _refuse(
            f"the vocabulary has {vocab_size!r} tokens",
            f"it may have 2 to {MAX_VOCABULARY + 1:,}, BOS among them",
        )


def check_state(state: object, shapes: Mapping[str, tuple[int, int]]) -> None:
    """Raise unless `state` has every parameter and moment as float64 of the right shape."""
    if not isinstance(state, State):
        _refuse(f"the state is {state!r}", "give a State")
    for kind in ("params", "m", "v"):
        arrays = getattr(state, kind)
        for name, wanted in shapes.items():
            a = arrays.get(name) if isinstance(arrays, Mapping) else None
            if not isinstance(a, memoryview):
                _refuse(f"{kind} {name} is {a!r}, not an array", "take it from another state")
            if a.shape != wanted or a.format != "d" or not a.c_contiguous:
                _refuse(
                    f"{kind} {name} is {a.shape}, not {wanted}",
                    "the state belongs to a model of other sizes",
                )


def check_tokens(tokens: Any, least: int, most: int, vocab_size: int) -> None:
    """Raise unless these are `least` to `most` tokens of the vocabulary."""
    if not isinstance(tokens, Sequence) or isinstance(tokens, str | bytes):
        _refuse(f"the tokens are {tokens!r}", "give a list of ids")
    if not least <= len(tokens) <= most:
        _refuse(f"{len(tokens)} tokens, not {least} to {most}", "clip the document")
    for token in tokens:
        if not _is_whole(token, 0, vocab_size - 1):
            _refuse(
                f"the token {token!r} is outside the vocabulary of {vocab_size}", "encode the text"
            )


def check_documents(documents: object, vocab_size: int, block_size: int) -> None:
    """Raise unless these are packed documents that the model can train on."""
    if not isinstance(documents, TokenLists):
        _refuse(f"the documents are {documents!r}", "give TokenLists: encode_documents makes them")
    try:
        documents.check(vocab_size, block_size)
    except ValueError as error:
        _refuse(str(error), "encode the documents for this model")


def check_run(documents: TokenLists, config: object, start: object, steps: object) -> None:
    """Raise unless `steps` steps can be taken from step `start`."""
    if not isinstance(config, Config):
        _refuse(f"the settings are {config!r}", "give a Config")
    if not _is_whole(start, 0, MAX_STEP) or not _is_whole(steps, 0, MAX_STEPS):
        _refuse(
            f"{steps!r} steps from step {start!r}",
            f"take 0 to {MAX_STEPS:,} steps, from step 0 or later",
        )
    if steps and not len(documents):
        _refuse("there are no documents to train on", "give at least one")


def check_hyper(hyper: object) -> None:
    """Raise unless these are valid settings of one update."""
    if not isinstance(hyper, Hyper):
        _refuse(f"the settings of an update are {hyper!r}", "give a Hyper")
    if not _is_whole(hyper.step, 1, MAX_STEP):
        _refuse(f"step {hyper.step!r}, but updates count from 1", "give the step's number")
    bounds = {
        "learning_rate": (0, math.inf),
        "beta1": (0, 1),
        "beta2": (0, 1),
        "eps": (0, math.inf),
    }
    for name, (low, high) in bounds.items():
        value = getattr(hyper, name)
        positive = name != "eps" or value != 0
        if not is_finite(value) or not low <= value < high or not positive:
            _refuse(f"{name} is {value!r}", "rates are not negative, betas below 1, eps above 0")


def check_block(block: object, value: object, shapes: Mapping[str, tuple[int, int]]) -> None:
    """Raise unless these cells exist and the value is finite."""
    if not isinstance(block, Block) or block.param not in shapes:
        _refuse(f"there are no cells {block!r}", f"choose one of: {', '.join(shapes)}")
    rows, columns = shapes[block.param]
    for begin, end, most in (
        (block.top, block.bottom, rows),
        (block.left, block.right, columns),
    ):
        if not (_is_whole(begin, 0, most) and _is_whole(end, begin, most)):
            _refuse(
                f"there are no cells {begin!r} to {end!r} in {block.param}",
                f"it has {rows} rows and {columns} columns, counted from 0",
            )
    check_number("a weight", value)


def check_index(name: object, index: Any, shapes: Mapping[str, tuple[int, int]]) -> None:
    """Raise unless the parameter has a number at `index`."""
    if not isinstance(name, str) or name not in shapes:
        _refuse(f"there is no parameter {name!r}", f"choose one of: {', '.join(shapes)}")
    size = shapes[name]
    fits = isinstance(index, tuple) and len(index) == len(size)
    if not fits or not all(_is_whole(i, 0, n - 1) for i, n in zip(index, size, strict=True)):
        _refuse(f"{name} has no number at {index!r}", f"its size is {size[0]} × {size[1]}")


def check_number(what: str, value: object) -> None:
    """Raise unless `value` is a finite number."""
    if not is_finite(value):
        _refuse(f"{what} is {value!r}", "give a finite number")


def is_finite(value: Any) -> bool:
    """Return whether `value` is finite as a float64."""
    try:
        return type(value) in (int, float) and math.isfinite(value)
    except OverflowError:  # a whole number of more than 308 digits
        return False


def _is_whole(value: Any, least: int, most: int) -> bool:
    return type(value) is int and least <= value <= most


def _refuse(what: str, hint: str) -> NoReturn:
    raise EngineError(
        f"an engine cannot do this: {what if len(what) < 300 else what[:300] + '…'}", hint
    )
