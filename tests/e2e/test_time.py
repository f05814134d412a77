"""Time on the page: at every step its numbers are those of a run that was never interrupted."""

from __future__ import annotations

import math
import random
from base64 import b64decode
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from glassgpt.arrays import array, numbers, view
from glassgpt.engines import default_engine
from tests.e2e.conftest import SITE, SMALL, Opener, Tab, computed_at, exactly, straight

fast = pytest.mark.skipif(default_engine()[0] != "fast", reason="the kernel is not built")

STEPS = 120
GO = """([step, size]) => new Promise((done) => {
  const text = ({ buffer, byteOffset, byteLength }) => {
    const octets = new Uint8Array(buffer, byteOffset, byteLength);
    return btoa(octets.reduce((text, octet) => text + String.fromCharCode(octet), ""));
  };
  const stop = window.glass.paint(({ frame, arrays }) => {
    const held = [...arrays].filter(([name]) => name.includes(":"));
    if (frame.step !== step || frame.busy || held.length < size) return;
    stop();
    done(Object.fromEntries(held.map(([name, { data }]) => [name, text(data)])));
  });
  window.glass.send({ kind: "Seek", step });
})"""  # the numbers of the page once it is at the step, as text


EDIT = """() => window.glass.send(
  { kind: "Edit", param: "wte", row: 1, column: 2, value: 0.5 }
)"""


def sent(a: Any) -> Iterator[float]:
    """Yield the numbers of an array as they are sent: the change of a masked score as −∞."""
    return (-math.inf if math.isnan(x) else x for x in numbers(a))


def octets(a: Any) -> bytes:
    """Return the bits of an array."""
    return array(sent(a), (len(numbers(a)),)).tobytes()


def show(it: Tab, what: str, moment: str) -> int:
    """Show a quantity and a moment; return how many arrays the page then holds."""
    it.page.get_by_role("radio", name=what).check()
    it.page.get_by_role("radio", name=f"{moment}, the mean").check()
    it.until(f"s.arrays.has('{moment}:wte') && !s.frame.busy")
    return int(it.state("arrays.size"))


@fast
def test_two_hundred_steps_back_and_forth_show_the_bits_of_an_uninterrupted_run(
    tab: Opener, names_file: Path
) -> None:
    it, rng = tab(f"{SMALL}&step={STEPS}"), random.Random(200)
    it.stands_at(STEPS)
    truth = {step: computed_at(names_file, step) for step in range(1, STEPS + 1)}
    kinds = set()
    for what, moment in (("gradients", "m"), ("last update", "v")):
        size = show(it, what, moment)
        for _ in range(100):
            step = rng.randint(1, STEPS)
            held = it.page.evaluate(GO, [step, size])
            for name, text in held.items():
                kind, _, array_name = name.partition(":")
                known = truth[step][kind][array_name]
                told = view(b64decode(text), (known.nbytes // 8,))
                same = list(sent(told)) == exactly(list(sent(known)))
                assert same if SITE else octets(told) == octets(known), (name, step)
                kinds.add(kind)
    assert kinds == {"value", "grad", "delta", "m", "v"}
    losses = it.page.evaluate("() => [...window.glass.state().losses.data].slice(0, 120)")
    assert losses == exactly(list(straight(names_file, 0).run(STEPS).losses))
    assert it.faults == []


@fast
def test_a_weight_has_its_history_over_all_steps(tab: Opener, names_file: Path) -> None:
    it = tab(f"{SMALL}&step={STEPS}&at=wte[1,2]")
    it.stands_at(STEPS)
    it.until(f"s.weightHistory?.arrays.get('past').data.length > {STEPS}")
    past = it.page.locator('[data-shown="past"]')
    assert past.get_attribute("data-positions") == str(STEPS + 1)
    assert past.inner_text().endswith(f"over {STEPS} steps")
    told = it.page.evaluate("() => [...window.glass.state().weightHistory.arrays.get('past').data]")
    run, known = straight(names_file, 0), []
    for _ in range(STEPS):
        known.append(run.engine.weight("wte", (1, 2)))
        run.run(1)
    assert told == exactly([*known, run.engine.weight("wte", (1, 2))])
    it.page.evaluate(EDIT)
    it.until("s.weightHistory.arrays.get('past').data.at(-1) === 0.5")
    assert it.state("explained.event.explanation.value.number") == 0.5
    assert it.state("weightHistory.arrays.get('past').data.at(-2)") == told[-2]
    assert it.faults == []
