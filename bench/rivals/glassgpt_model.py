"""GlassGPT's own engines, run as the rivals are."""

from __future__ import annotations

from glassgpt.arrays import shape, zeros
from glassgpt.engines import create
from glassgpt.model.state import State
from rivals import Run, Task


def fast(task: Task, precision: str) -> Run:
    """Prepare the fast engine."""
    return _prepared("fast", task, precision)


def scalar(task: Task, precision: str) -> Run:
    """Prepare the engine that is the reference."""
    return _prepared("scalar", task, precision)


def _prepared(name: str, task: Task, precision: str) -> Run:
    assert precision == "f64", precision
    engine = create(name, task.config, task.vocab_size)
    still = {key: zeros(shape(weight)) for key, weight in task.params.items()}
    first = State(task.params, still, still)

    def run() -> list[float]:
        engine.load(first)
        return engine.run(task.lessons, task.config, 0, task.steps)

    return run
