"""The line of Python that an explanation shows is the one that computes the number."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

import pytest

from glassgpt import Config
from glassgpt.analysis.explain.explanation import Line
from glassgpt.analysis.explain.source import BACKWARD, SEED, UPDATE, lines, lines_of
from glassgpt.engines import scalar
from glassgpt.engines.graph import children
from glassgpt.engines.scalar import Trace, Value, adam
from glassgpt.engines.scalar_engine import ScalarEngine
from glassgpt.model.activations import sites
from tests.support import models

CONFIG = Config(n_layer=2, n_embd=6, n_head=3, block_size=5)
TOKENS = [3, 0, 1, 1, 0, 3]


def running_lines() -> set[int]:
    """The lines of scalar.py that are being executed."""
    found, frame = set(), sys._getframe(1)
    while frame is not None:
        if frame.f_code.co_filename == scalar.__file__:
            found.add(frame.f_lineno)
        frame = frame.f_back  # type: ignore[assignment]
    return found


@pytest.fixture
def births(monkeypatch: pytest.MonkeyPatch) -> dict[int, set[int]]:
    """For each number of a forward pass, by id: the lines being executed when it was computed."""
    found: dict[int, set[int]] = {}
    make = Value.__init__

    def recording(self: Value, *arguments: Any) -> None:
        make(self, *arguments)
        found[id(self)] = running_lines()

    monkeypatch.setattr(Value, "__init__", recording)
    return found


def test_each_sites_lines_run_when_its_numbers_are_made_and_no_other_sites(
    births: dict[int, set[int]], monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = ScalarEngine(CONFIG, 4)
    engine.load(models.random_state(CONFIG, 4))
    filed: dict[str, set[int]] = {}
    note = Trace.note

    def recording(self: Trace, site: str, numbers: Any) -> Any:
        filed[site] = running_lines()
        return note(self, site, numbers)

    monkeypatch.setattr(Trace, "note", recording)
    engine.forward(TOKENS)
    named = {id(node) for name in engine.trace for node in flat(engine.trace[name])}
    for site in sites(CONFIG):
        place, *op = (line.number for line in lines_of(site))
        if site.op == "embedding":  # a row is picked, nothing is computed
            assert place in filed[site.name], site.name
            continue
        node = next(flat(engine.trace[site.name]))
        made = births[id(node)]
        assert place in made, site.name
        inside = set.union(*(births[id(part)] for part in parts(node, named)))
        assert set(op) <= inside, site.name
        others = {lines_of(other)[0].number for other in sites(CONFIG)} - {place}
        callers = {lines_of(other)[0].number for other in sites(CONFIG) if other.name == "probs"}
        assert not made & (others - callers), site.name  # the model is called in the line of probs


def flat(numbers: Any) -> Iterator[Value]:
    """Every number of a site, those of the last position first."""
    if isinstance(numbers, Value):
        yield numbers
    else:
        for part in reversed(numbers):
            yield from flat(part)


def parts(node: Value, named: set[int]) -> Iterator[Value]:
    """A number and the unnamed ones that it is computed from."""
    yield node
    for child in children(node):
        if id(child) not in named:
            yield from parts(child, named)


@contextmanager
def changes(function: str, look: Any) -> Iterator[dict[int, set[str]]]:
    """The lines of a function of scalar.py after which `look(frame)` has another value."""
    found: dict[int, set[str]] = {}
    last: dict[str, Any] = {"line": 0, "seen": {}}

    def trace(frame: FrameType, event: str, _: object) -> Any:
        if frame.f_code.co_filename != scalar.__file__ or frame.f_code.co_name != function:
            return None
        if event == "call":
            last["seen"] = look(frame)
        now = look(frame)
        moved = {name for name in now if now[name] != last["seen"].get(name)}
        if moved:
            found.setdefault(last["line"], set()).update(moved)
        last.update(line=frame.f_lineno, seen=now)
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        yield found
    finally:
        sys.settrace(before)


def numbers_of(places: Any) -> list[int]:
    return [line.number for line in lines(places)]


def test_the_lines_of_a_gradient_are_those_that_change_gradients() -> None:
    a, b = Value(2.0), Value(3.0)
    root = a * b
    watched = {"left": a, "right": b, "seed": root}
    with changes("backward", lambda _: {name: v.grad for name, v in watched.items()}) as found:
        root.backward()
    left, right = numbers_of(BACKWARD)
    assert found == {numbers_of(SEED)[0]: {"seed"}, left: {"left"}, right: {"right"}}


def test_the_lines_of_an_update_are_those_that_make_its_numbers() -> None:
    weight, m, v, wanted = Value(0.5), [0.1], [0.2], ["m", "v", "m_hat", "v_hat", "weight"]
    weight.grad = 0.25

    def look(frame: FrameType) -> dict[str, str]:
        local = {name: repr(frame.f_locals.get(name)) for name in ("m_hat", "v_hat")}
        return {"m": repr(m), "v": repr(v), "weight": repr(weight.data), **local}

    with changes("adam", look) as found:
        adam([weight], m, v, step=4, rate=0.01)
    for name, line in zip(wanted, numbers_of(UPDATE), strict=True):
        assert name in found[line]


def test_a_line_is_quoted_verbatim() -> None:
    text = Path(scalar.__file__).read_text(encoding="utf-8")
    source = ["", *(line.strip() for line in text.splitlines())]
    told: set[Line] = {line for site in sites(CONFIG) for line in lines_of(site)}
    for line in (*told, *lines(BACKWARD), *lines(SEED), *lines(UPDATE)):
        assert line.file == "engines/scalar.py"
        assert source[line.number] == line.source
