"""The same training in other libraries: what each is given, and who they are.

A rival is a function that takes a `Task` and a precision, does all that is done once (convert the
data, compile) and returns a `Run`: a call of it trains anew from the first weights and returns the
loss of every step. Only that call is timed. A library is imported when its rival is prepared.
"""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias, cast

from glassgpt import Config, Session
from glassgpt.arrays import Array
from glassgpt.model.tokenizer import TokenLists

Run: TypeAlias = Callable[[], list[float]]

REFERENCE = "scalar"  # the engine whose losses are the truth
TOLERANCE = {"f64": 1e-9, "f32": 1e-2}  # how far a loss may stray from it


@dataclass(frozen=True, slots=True)
class Task:
    """What to train: a model, its first weights, and the tokens of one document for each step."""

    config: Config
    vocab_size: int
    params: Mapping[str, Array]
    lessons: TokenLists

    @classmethod
    def of(cls, config: Config, documents: Sequence[str], steps: int) -> Task:
        """Return the first `steps` steps of the run that `Session` makes of these."""
        session = Session(config, documents, engine=REFERENCE)
        lessons = session.token_lists([session.document(step) for step in range(steps)])
        weights = session.engine.state().params
        return cls(config, session.tokenizer.vocab_size, weights, lessons)

    @property
    def steps(self) -> int:
        """How many steps to take."""
        return len(self.lessons)

    def first(self, steps: int) -> Task:
        """Return the beginning of this task."""
        return replace(self, lessons=self.lessons.part(0, min(steps, self.steps)))


@dataclass(frozen=True, slots=True)
class Rival:
    """One implementation: `function` in the library's module prepares it."""

    key: str
    name: str
    precision: str
    library: str
    function: str

    @property
    def installed(self) -> bool:
        """Whether the library can be imported."""
        return importlib.util.find_spec(self.library) is not None

    def prepare(self, task: Task) -> Run:
        """Do what is done once; return what is done each time."""
        module = importlib.import_module(f"rivals.{self.library}_model")
        return cast(Run, getattr(module, self.function)(task, self.precision))


# fmt: off
RIVALS = (
    Rival("fast",      "GlassGPT, fast engine",         "f64", "glassgpt", "fast"),
    Rival("scalar",    "GlassGPT, scalar engine",       "f64", "glassgpt", "scalar"),
    Rival("numpy",     "NumPy, backward by hand",       "f64", "numpy",    "by_hand"),
    Rival("numba",     "Numba, plain loops",            "f64", "numba",    "loops"),
    Rival("jit32",     "JAX, jit per step",             "f32", "jax",      "per_step"),
    Rival("jit64",     "JAX, jit per step",             "f64", "jax",      "per_step"),
    Rival("scan32",    "JAX, scan over all steps",      "f32", "jax",      "scan"),
    Rival("scan64",    "JAX, scan over all steps",      "f64", "jax",      "scan"),
    Rival("eager32",   "PyTorch eager, fused Adam",     "f32", "torch",    "eager"),
    Rival("eager64",   "PyTorch eager, fused Adam",     "f64", "torch",    "eager"),
    Rival("compile32", "PyTorch, whole step compiled",  "f32", "torch",    "compiled"),
    Rival("compile64", "PyTorch, whole step compiled",  "f64", "torch",    "compiled"),
)
# fmt: on
