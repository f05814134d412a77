"""Benchmark: the speed of the engines on this machine, and how their cost grows.

Operations of the kernel are counted: a multiplication and an addition are two operations;
a training step computes each product of the forward pass three times (for the value, the gradient
of its input and that of its weight), and about twelve operations of Adam for each weight.
"""

from __future__ import annotations

import random
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace

from glassgpt.model import parameters as params
from glassgpt.model.config import Config
from glassgpt.training.session import Session

SHORTEST = 1e-6  # seconds: a browser's clock has grains of 0.1 ms, so it can measure 0
ROUND = 0.002  # seconds of steps that are timed together
ALPHABET = "abcdefghijklmnopqrstuvwxyz"

SCALING: tuple[dict[str, int], ...] = (  # what grows, from the default model; finally all of them
    *({"n_embd": size} for size in (8, 16, 32, 64, 128, 256)),
    *({"n_layer": size} for size in (2, 4, 8, 12)),
    *({"block_size": size} for size in (8, 32, 64, 128, 256)),
    {"n_embd": 256, "block_size": 256},
    {"n_embd": 256, "block_size": 256, "n_layer": 4},
)


@dataclass(frozen=True, slots=True)
class Timing:
    """The pace of one engine on one model: seconds (the least of all rounds) and work a step."""

    engine: str
    config: Config
    seconds: float
    operations: float

    @property
    def rate(self) -> float:
        """Floating-point operations a second."""
        return self.operations / self.seconds


@dataclass(frozen=True, slots=True)
class EngineComparison:
    """The fast and the scalar engine on the first `steps` of one run.

    `rates` are steps a second by the engine's name, `difference` is the largest of their losses.
    """

    rates: dict[str, float]
    steps: int
    difference: float


def compare_engines(config: Config, documents: Sequence[str], steps: int) -> EngineComparison:
    """Time and compare the fast and the scalar engine on the first steps of a run."""
    runs = {name: Session(config, documents, engine=name) for name in ("fast", "scalar")}
    rates = {name: 1 / time_steps(run, steps, 1) for name, run in runs.items()}
    return EngineComparison(rates, steps, largest_difference("fast", config, documents, steps))


def operations(config: Config, vocab_size: int, positions: float) -> float:
    """Return the floating-point operations of one training step."""
    weights = params.count(config, vocab_size)
    tables = (vocab_size + config.block_size) * config.n_embd  # looked up, not multiplied
    products = 2 * positions * (weights - tables)
    attention = config.n_layer * 2 * positions * (positions + 1) * config.n_embd
    return 3 * (products + attention) + 12 * weights


def time_steps(session: Session, steps: int, rounds: int) -> float:
    """Return the smallest time of a step over `rounds` runs of the same `steps` from the start."""
    start = session.snapshot()
    session.run(min(steps, 3))  # encodes the documents, warms the caches
    best = float("inf")
    for _ in range(rounds):
        taken, seconds = 0, 0.0
        while seconds < ROUND:
            session.restore(start)
            began = time.perf_counter()
            session.run(steps)
            taken, seconds = taken + steps, seconds + time.perf_counter() - began
        best = min(best, seconds / taken)
    return best


def time_engine(engine: str, config: Config, documents: Sequence[str], rounds: int = 5) -> Timing:
    """Time one engine on the start of a run; a slow one for fewer steps."""
    session = Session(config, documents, engine=engine)
    steps = config.num_steps if engine != "scalar" else min(config.num_steps, 10)
    steps = min(steps, _affordable(session))
    session = Session(config, documents, engine=engine)
    seconds = time_steps(session, steps, rounds)
    lessons = [session.tokens(session.document(i)) for i in range(steps)]
    positions = sum(len(tokens) - 1 for tokens in lessons) / steps
    work = operations(config, session.tokenizer.vocab_size, positions)
    return Timing(engine, config, seconds, work)


def _affordable(session: Session, seconds: float = 0.2) -> int:
    began = time.perf_counter()
    session.run(1)
    return max(1, int(seconds / max(SHORTEST, time.perf_counter() - began)))


def largest_difference(engine: str, config: Config, documents: Sequence[str], steps: int) -> float:
    """Return the largest difference of the engine's losses from the scalar engine's."""
    runs = (Session(config, documents, engine=name).run(steps) for name in (engine, "scalar"))
    ours, theirs = (run.losses for run in runs)
    return max(abs(a - b) for a, b in zip(ours, theirs, strict=True))


def full_documents(block_size: int, count: int = 50) -> list[str]:
    """Return documents of random letters that fill a context."""
    rng = random.Random(1)
    return ["".join(rng.choices(ALPHABET, k=block_size)) for _ in range(count)]


def scaling(base: Config, engine: str) -> list[Timing]:
    """Time the engine on the models of SCALING, contexts full."""
    return [
        time_engine(engine, sized, full_documents(sized.block_size), rounds=3)
        for sized in (replace(base, **sizes) for sizes in SCALING)
    ]
