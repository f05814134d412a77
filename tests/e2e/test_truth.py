"""The truth law: whatever the page draws is what the engine computes, number and colour."""

from __future__ import annotations

import math
import random
from collections.abc import Mapping
from pathlib import Path

import pytest

from glassgpt import Session, read_documents
from glassgpt.arrays import Array, numbers, shape
from glassgpt.model.activations import sites
from glassgpt.training.link import read_link
from tests.e2e.conftest import SMALL, Opener, computed_at, exactly

STEP = 23
PAPER, LOW, HIGH, INK = (246, 243, 236), (30, 90, 168), (217, 108, 22), (24, 24, 24)
BELOW, BEYOND = (9, 36, 82), (112, 44, 0)
EASING = {"value": 0.8, "grad": 0.5, "delta": 0.5, "m": 0.5, "v": 0.3}


@pytest.fixture(scope="module")
def computed(names_file: Path) -> Mapping[str, Mapping[str, Array]]:
    return computed_at(names_file, STEP)


def colour(value: float, end: float, kind: str, shares: bool) -> tuple[float, ...]:
    t = value / end
    if abs(t) > 1:
        return BEYOND if t > 0 else BELOW
    strength = abs(t) ** EASING[kind]
    hue = INK if shares else LOW if t < 0 else HIGH
    return tuple(p + (h - p) * strength for p, h in zip(PAPER, hue, strict=False))


@pytest.mark.parametrize("kind", ["value", "grad", "delta", "m", "v"])
def test_cells_picked_at_random_are_the_engines_numbers_and_their_colour(
    tab: Opener, computed: Mapping[str, Mapping[str, Array]], kind: str
) -> None:
    it = tab(f"{SMALL}&step={STEP}")
    it.until(f"s.frame.step === {STEP} && !s.frame.busy")
    if kind in ("grad", "delta"):
        label = {"grad": "gradients", "delta": "last update"}[kind]
        it.page.get_by_role("radio", name=label).check()
    if kind in ("m", "v"):
        it.page.get_by_role("radio", name=f"{kind}, the mean").check()
    it.until(f"s.arrays.has('{kind}:wte')")
    it.settles()
    rng = random.Random(kind)
    figures = [
        name
        for name in it.page.evaluate("() => window.glass.figures()")
        if name.startswith(f"{kind}:")
    ]
    assert len(figures) >= 9
    softmaxes = {s.name for s in sites(read_link(SMALL).recipe.config) if s.op == "softmax"}
    for figure in figures:
        name = figure.partition(":")[2]
        a = computed[kind][name]
        end = it.page.evaluate("(name) => window.glass.end(name)", figure)
        for _ in range(12):
            index = [rng.randrange(n) for n in shape(a)]
            address = f"{figure}[{','.join(map(str, index))}]"
            drawn = it.page.evaluate("(address) => window.glass.drawn(address)", address)
            value = a[tuple(index)]
            told = float(drawn["value"])
            assert told == exactly(value) or (math.isnan(value) and told == -math.inf), address
            assert drawn["step"] == STEP
            if len(index) == 3 and index[2] > index[1]:
                continue  # the future is not drawn
            if name == "probs" and kind == "value":
                continue  # bars, measured below
            shares = kind == "value" and name in softmaxes
            step = end / 4094  # the page rounds to this many levels
            spans = zip(
                *(
                    colour(value + by, end, kind, shares)
                    for by in (-step, 0, step, -value if abs(value) < step else 0)
                ),
                strict=False,
            )
            for got, span in zip(drawn["colour"], spans, strict=False):
                assert min(span) - 2 <= got <= max(span) + 2, (address, value, end, drawn)


def test_printed_numbers_are_the_engines(
    tab: Opener, computed: Mapping[str, Mapping[str, Array]]
) -> None:
    it = tab(f"{SMALL}&step={STEP}")
    it.until(f"s.frame.step === {STEP} && !s.frame.busy")
    it.settles()
    for i, loss in enumerate(numbers(computed["value"]["losses"])):
        shown = it.page.locator(f'[data-at="value:losses[{i}]"]').inner_text()
        assert shown == f"{loss:.2f}"
        assert it.page.get_by_role("button", name=f"losses[{i}] {shown}", exact=True).count() == 1
    mean = it.page.locator('[data-at="value:loss"]').inner_text()
    assert mean.removesuffix("nats").strip() == f"{computed['value']['loss'][()]:.4f}"


def test_a_clicked_number_is_shown_in_full(
    tab: Opener, computed: Mapping[str, Mapping[str, Array]]
) -> None:
    it = tab(f"{SMALL}&step={STEP}&at=layer0.mlp_fc1[5,3]")
    it.until(f"s.frame.step === {STEP} && !s.frame.busy && s.arrays.has('v:layer0.mlp_fc1')")
    it.settles()

    def told(name: str) -> float:
        return float(it.shown(name).replace("−", "-"))

    def known(kind: str) -> float:
        return float(computed[kind]["layer0.mlp_fc1"][5, 3])

    assert told("selected-value") == pytest.approx(known("value"), abs=5e-5)
    for kind in ("grad", "delta", "m"):
        assert told(f"selected-{kind}") == pytest.approx(known(kind), abs=5e-7)


def test_the_baselines_are_counted_from_the_data(tab: Opener, names_file: Path) -> None:
    from glassgpt.analysis.baselines import baselines

    session = Session(read_link(SMALL).recipe.config, read_documents(names_file))
    lists = [session.tokenizer.encode_document(text) for text in session.documents]
    measures = baselines(lists, session.tokenizer.vocab_size)
    it = tab()
    it.until("s.baselines")
    for name in ("uniform", "unigram", "bigram", "trigram"):
        assert it.shown(f"baseline:{name}") == f"{name} {getattr(measures, name):.2f}"


def test_the_tokenizer_shows_ids_and_refuses_unknown_letters(tab: Opener, names_file: Path) -> None:
    session = Session(read_link(SMALL).recipe.config, read_documents(names_file))
    it = tab()
    box = it.page.get_by_label("A text to tokenize")
    box.fill("anna")
    it.until("s.tokens?.text === 'anna'")
    ids = session.tokenizer.encode_document("anna")
    assert it.page.locator('[data-shown="tokens"] li span').all_inner_texts() == [
        str(i) for i in ids
    ]
    box.fill("Ånna")
    it.page.get_by_role("alert").wait_for()
    assert "not in the vocabulary" in it.page.get_by_role("alert").inner_text()
