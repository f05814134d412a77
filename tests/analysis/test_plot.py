"""The pictures: the numbers are the model's, the colours the page's, the words the field's."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import glassgpt
from glassgpt import Model, Run
from glassgpt.analysis import plot
from glassgpt.errors import AddressError, ConfigError

SCALES = Path(__file__).parents[2] / "web" / "src" / "state" / "scales.ts"
TOKENS = ["BOS", "e", "m", "m", "a"]


@pytest.fixture(scope="module")
def run() -> Run:
    return glassgpt.train(steps=30, n_embd=12, n_head=6)


@pytest.fixture(scope="module")
def model(run: Run) -> Model:
    return run.model


def words(ticks: Any) -> list[str]:
    return [tick.get_text() for tick in ticks]


def test_colours_are_the_pages() -> None:
    source = SCALES.read_text(encoding="utf-8")
    light = source[source.index("const LIGHT") : source.index("const DARK")]
    for name in ("PAGE", "PAPER", "LOW", "HIGH", "LOWEST", "HIGHEST", "INK"):
        found = re.search(rf"\b{name.lower()}: \[(\d+), (\d+), (\d+)\]", light)
        assert found, name
        assert getattr(plot, name) == tuple(map(int, found.groups()))
    usual = re.search(r'case "weights"[^;]*case "shares":\s*return ([\d.]+);', source)
    assert usual
    assert float(usual[1]) == plot.EASING


def test_zero_is_the_paper_colour_and_the_ends_are_blue_and_orange() -> None:
    ends = {-1: plot.LOW, 0: plot.PAPER, 1: plot.HIGH}
    for t, rgb in ends.items():
        assert plot.colour(t, share=False) == pytest.approx([channel / 255 for channel in rgb])
    assert plot.colour(1, share=True) == pytest.approx([channel / 255 for channel in plot.INK])


@pytest.mark.parametrize(
    ("size", "end"), [(0.3, 0.5), (0.5, 0.5), (1, 1), (1.01, 2), (7, 10), (123, 200), (2e-9, 2e-9)]
)
def test_a_scale_ends_at_the_next_1_2_or_5(size: float, end: float) -> None:
    assert plot.scale_end([size, -size, 0]) == pytest.approx(end)


@pytest.mark.parametrize(
    ("name", "text"), [("layer0.attn.q", "emma"), ("probs", "emma"), ("wte", None)]
)
def test_a_picture_holds_the_numbers_of_the_array(
    model: Model, name: str, text: str | None
) -> None:
    axes: Any = model.plot(name, text)
    array = model.parameters[name] if text is None else model.activations(text)[name]
    assert np.array_equal(axes.images[0].get_array(), np.asarray(array))


def test_heads_are_side_by_side_and_the_future_is_blank(model: Model) -> None:
    axes: Any = model.plot("layer0.attn.scores", "emma")
    drawn = np.ma.filled(axes.images[0].get_array(), np.nan)
    scores = np.where(
        np.tri(5), np.asarray(model.activations("emma")["layer0.attn.scores"]), np.nan
    )
    assert np.array_equal(drawn[:5, 6:11], scores[1], equal_nan=True)
    assert np.array_equal(drawn[7:, :5], scores[4], equal_nan=True)
    assert np.isnan(drawn[:, 5]).all()
    assert [text.get_text() for text in axes.texts] == [f"head {i}" for i in range(6)]


def test_axes_are_named_in_the_fields_words_with_letters_on_tokens(model: Model) -> None:
    axes: Any = model.plot("layer0.attn.weights", "emma")
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("attended position (S)", "position (T)")
    assert words(axes.get_yticklabels()) == TOKENS * 2
    assert words(axes.get_xticklabels()) == TOKENS * 4
    axes = model.plot("logits", "emma")
    assert words(axes.get_xticklabels()) == [*model.tokenizer.characters, "BOS"]
    assert axes.child_axes[0].get_ylabel() == "logit"
    axes = model.plot("losses", "emma")
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("position (T)", "surprise (nats)")
    assert [bar.get_height() for bar in axes.patches] == model.activations("emma")[
        "losses"
    ].tolist()
    assert model.plot("wpe").get_ylabel() == "position (T)"


def test_a_scale_of_shares_goes_from_0_to_1_and_others_are_even(model: Model) -> None:
    norm: Any = model.plot("probs", "emma").images[0].norm
    assert (norm.vmin, norm.vmax) == (0, 1)
    norm = model.plot("wte").images[0].norm
    assert norm.vmin == -norm.vmax


def test_a_run_is_drawn_with_others(run: Run) -> None:
    other = run.fork(10).train(10)
    axes: Any = run.plot(other=other)
    assert [len(line.get_xdata()) for line in axes.lines] == [30, 20]
    assert words(axes.get_legend().get_texts()) == ["this run", "other"]
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("step", "loss (nats)")
    alone: Any = run.plot()
    dots, line = alone.lines
    assert list(dots.get_ydata()) == run.losses
    assert line.get_ydata()[-1] == pytest.approx(sum(run.losses) / 30)


def test_text_is_drawn_as_it_is_and_a_notebook_gets_a_picture() -> None:
    model = glassgpt.train(["a$b$ \\alpha", "$x^"], steps=2, n_embd=4, n_head=2).model
    axes: Any = model.plot("probs", "$x^ a$b$")
    assert words(axes.get_yticklabels()) == ["BOS", "$", "x", "^", "␣", "a", "$", "b", "$"]
    assert axes._repr_png_().startswith(b"\x89PNG")


@pytest.mark.parametrize("site", ["losses", "probs", "layer0.attn.weights"])
def test_a_long_text_makes_no_larger_picture(site: str) -> None:
    long = glassgpt.train(["ab" * 100], steps=1, n_embd=4, n_head=2, block_size=200).model
    axes: Any = long.plot(site, "ab" * 100)
    assert max(axes.figure.get_size_inches()) <= 12
    for axis, inches in zip((axes.xaxis, axes.yaxis), axes.figure.get_size_inches()):
        assert len(axis.get_ticklabels()) * 0.1 < inches  # letters do not touch


@pytest.mark.parametrize(
    ("name", "text", "kind", "sentence"),
    [
        ("loss", "emma", ConfigError, "loss is one number"),
        ("probs", None, ConfigError, "probs is computed for a text"),
        ("layer0.attn.qq", "emma", AddressError, "nearest: layer0.attn.q"),
        ("wtf", None, AddressError, "nearest: wte"),
        ("probs", "é", glassgpt.GlassError, "not in the vocabulary"),
    ],
)
def test_what_cannot_be_drawn_is_refused(
    model: Model, name: str, text: str | None, kind: type[Exception], sentence: str
) -> None:
    with pytest.raises(kind, match=sentence):
        model.plot(name, text)


def test_a_run_without_steps_and_a_value_that_is_not_a_run_are_refused(run: Run) -> None:
    with pytest.raises(ConfigError, match="has taken no step"):
        run.fork(0).plot()
    with pytest.raises(ConfigError, match="other is 3, but must be a run"):
        run.plot(other=3)  # type: ignore[arg-type]


def test_without_matplotlib_a_sentence_says_what_to_install(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in [name for name in sys.modules if name.split(".")[0] == "matplotlib"]:
        monkeypatch.setitem(sys.modules, module, None)
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(ConfigError, match=r"needs matplotlib(.|\n)*pip install 'glassgpt\[plot\]'"):
        run.plot()
    with pytest.raises(ConfigError, match="needs matplotlib"):
        run.model.plot("wte")


def test_a_plot_leaves_no_global_state_and_the_import_waits_for_it() -> None:
    code = (
        "import sys, glassgpt; run = glassgpt.train(['ab'], steps=2, n_embd=4, n_head=2); "
        "print('matplotlib' in sys.modules); run.plot(); run.model.plot('wte')._repr_png_(); "
        "print('matplotlib.pyplot' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "False"]
