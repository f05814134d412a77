"""Pictures of a model and of runs by matplotlib, which is imported when the first one is drawn.

The colours and the ends of their scale are those of the page (`scales.ts`): zero is `PAPER`, below
it is blue, above it orange; shares go from `PAPER` to `INK`. No pyplot: a figure has no global
state, and a notebook shows it.
"""

from __future__ import annotations

import io
import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

from glassgpt.analysis.curve import SMOOTHED_OVER, smoothed
from glassgpt.analysis.named_array import NamedArray
from glassgpt.errors import ConfigError
from glassgpt.model.activations import HTS, Site

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Rgb: TypeAlias = tuple[float, float, float]
Letters: TypeAlias = "Mapping[str, Sequence[str]]"  # by axis

# fmt: off
PAGE, PAPER, INK = (252, 251, 247), (246, 243, 236), (24, 24, 24)
LOW, HIGH = (30, 90, 168), (217, 108, 22)
LOWEST, HIGHEST = (9, 36, 82), (112, 44, 0)  # beyond the ends of the scale
EASING = 0.8  # colour grows with the share of the scale to this power
LINES = (INK, LOW, HIGH, (0, 122, 92), (140, 70, 150))  # runs in one picture
AXES = {
    "T": "position (T)", "S": "attended position (S)", "C": "channel (C)", "H": "head (H)",
    "F": "hidden unit (F)", "V": "token (V)",
}
MEASURED = {
    "embedding": "weight", "scores": "score", "softmax": "share", "nll": "surprise (nats)",
    "norm_scale": "scale",
}
# fmt: on
HEADS_ABREAST = 4
LETTER, NUMBER = 0.14, 0.2  # inches that each needs along an axis
CELL, WIDEST = 0.2, 9  # inches, of a cell and of all of them
SHADES = 512


def curves(runs: Sequence[tuple[str, Sequence[float]]]) -> Axes:
    """Return the smoothed losses of runs by name; for a single run, each of its losses too."""
    if not any(losses for _, losses in runs):
        raise ConfigError("the run has taken no step", "run.train() takes them")
    axes = _axes(6.4, 3.4)
    first = runs[0][1]
    if len(runs) == 1:
        axes.plot(range(1, len(first) + 1), first, ".", color=_rgb(INK), alpha=0.25, ms=2.5, mew=0)
    for (name, losses), colour in zip(runs, _cycled(len(runs)), strict=True):
        steps = range(1, len(losses) + 1)
        axes.plot(steps, smoothed(losses), color=_rgb(colour), lw=1.6, label=name)
    axes.set_xlabel("step")
    axes.set_ylabel("loss (nats)")
    axes.set_title(f"smoothed loss: mean of the last {SMOOTHED_OVER}", loc="left")
    axes.grid(axis="y", color=_rgb(INK), alpha=0.1)
    axes.spines[["top", "right"]].set_visible(False)
    if len(runs) > 1:
        axes.legend(frameon=False)
    return axes


def picture(of: NamedArray, site: Site | None, letters: Letters, title: str) -> Axes:
    """Return the picture of an array; `letters` are the labels along an axis, if it has any."""
    match len(of.axes):
        case 0:
            raise ConfigError(
                f"{of.name} is one number, so there is nothing to draw", "try losses, or probs"
            )
        case 1:
            return _bars(of, measured(site), letters, title)
        case _:
            return _cells(of, site, letters, title)


def _bars(of: NamedArray, measure: str, letters: Letters, title: str) -> Axes:
    (axis,), values = of.axes, of.tolist()
    width = min(WIDEST, 2 * CELL * max(8, len(values)))
    axes = _axes(1.6 + width, 2.8)
    axes.bar(range(len(values)), values, width=0.7, color=_rgb(HIGH))
    axes.axhline(0, color=_rgb(INK), lw=0.8)
    axes.set_xlabel(AXES[axis])
    axes.set_ylabel(measure)
    axes.set_title(title, loc="left", fontsize=10, parse_math=False)
    axes.spines[["top", "right"]].set_visible(False)
    _letter(axes.xaxis, letters.get(axis), [0], len(values), width / len(values))
    return axes


def _cells(of: NamedArray, site: Site | None, letters: Letters, title: str) -> Axes:
    """Draw a matrix; for several heads, their matrices side by side with gaps."""
    heads = of.tolist() if len(of.axes) == 3 else [of.tolist()]
    down, across = of.axes[-2:]
    height, width = len(heads[0]), len(heads[0][0])
    abreast = min(HEADS_ABREAST, len(heads))
    tops = [row * (height + 2) for row in range(math.ceil(len(heads) / abreast))]
    lefts = [column * (width + 1) for column in range(abreast)]
    grid = [[math.nan] * (lefts[-1] + width) for _ in range(tops[-1] + height)]
    columns, rows = len(grid[0]), len(grid)
    cell = min(CELL, WIDEST / columns, WIDEST / rows)
    axes = _axes(max(3.6, columns * cell + 2.2), max(2.0, rows * cell + 1.3))
    for i, head in enumerate(heads):
        top, left = tops[i // abreast], lefts[i % abreast]
        for y, row in enumerate(head):
            sees = y + 1 if of.axes == HTS else width  # the future is left blank
            grid[top + y][left : left + sees] = row[:sees]
        if len(heads) > 1:
            axes.text(left - 0.5, top - 0.7, f"head {i}", fontsize=8)
    seen = [number for row in grid for number in row if math.isfinite(number)]
    colours, extend = _scale(seen, share=site is not None and site.op == "softmax")
    image = axes.imshow(grid, interpolation="nearest", **colours)
    axes.set_xlabel(AXES[across])
    axes.set_ylabel(AXES[down])
    axes.set_title(
        title, loc="left", fontsize=10, parse_math=False, pad=18 if len(heads) > 1 else 6
    )
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
    _letter(axes.xaxis, letters.get(across), lefts, width, cell, turned=True)
    _letter(axes.yaxis, letters.get(down), tops, height, cell)
    _colour_bar(axes, image, measured(site), extend)
    return axes


def _colour_bar(axes: Axes, image: Any, measure: str, extend: str) -> None:
    """Put the scale next to the cells, at their height, with its ends and zero labelled."""
    rows, columns = image.get_array().shape
    place = axes.inset_axes((1 + 1 / columns, 0, max(0.6, rows / 24) / columns, 1))
    bar = axes.figure.colorbar(image, cax=place, label=measure, extend=extend, extendfrac=0.06)
    bar.set_ticks(sorted({image.norm.vmin, 0.0, image.norm.vmax}))
    bar.ax.tick_params(labelsize=8, length=0)
    bar.outline.set_visible(False)


def _letter(
    axis: Any,
    letters: Sequence[str] | None,
    begins: Sequence[int],
    length: int,
    cell: float,
    *,
    turned: bool = False,
) -> None:
    """Put tokens, or numbers, along the `length` cells after each beginning, if they fit."""
    names = list(letters or map(str, range(length)))[:length]
    every = math.ceil((LETTER if letters else NUMBER) / cell - 1e-9)
    places = [(begin + i, names[i]) for begin in begins for i in range(0, length, every)]
    axis.set_ticks(
        [at for at, _ in places], [name for _, name in places], fontsize=8, parse_math=False
    )
    for tick, (_, name) in zip(axis.get_ticklabels(), places, strict=True):
        if turned and len(name) > 2:  # wider than a cell
            tick.set_rotation(90)


# -- colours, as on the page


def measured(site: Site | None) -> str:
    """Return what the numbers of an array are; a parameter has no site."""
    if site is None:
        return "weight"
    if "V" in site.axes:
        return "probability" if site.op == "softmax" else "logit"
    return MEASURED.get(site.op, "activation")


def scale_end(values: Sequence[float]) -> float:
    """Return the end of the scale: the 98th percentile of magnitude, rounded up as on the page."""
    sizes = sorted(abs(n) for n in values if n and math.isfinite(n))
    return round_up(sizes[min(len(sizes) - 1, int(0.98 * len(sizes)))]) if sizes else 1.0


def round_up(value: float) -> float:
    """Return the smallest of 1, 2 or 5 times a power of ten that is at least `value`."""
    power = 10.0 ** math.floor(math.log10(value))
    return next(k * power for k in (1, 2, 5, 10) if k * power >= value * (1 - 1e-12))


def colour(t: float, *, share: bool) -> Rgb:
    """Return the colour at `t` of the scale, from −1 to 1 (of shares from 0)."""
    end = INK if share else LOW if t < 0 else HIGH
    strength = min(1.0, abs(t)) ** EASING
    red, green, blue = (a + (b - a) * strength for a, b in zip(PAPER, end, strict=True))
    return red / 255, green / 255, blue / 255


def _scale(values: Sequence[float], *, share: bool) -> tuple[dict[str, Any], str]:
    """Return how `imshow` colours the values, and which ends of the scale they exceed."""
    from matplotlib.colors import ListedColormap, Normalize

    end = 1.0 if share else scale_end(values)
    low = 0.0 if share else -1.0
    ramp = [colour(low + (1 - low) * i / SHADES, share=share) for i in range(SHADES + 1)]
    colours = ListedColormap(ramp).with_extremes(
        bad=_rgb(PAGE), under=_rgb(LOWEST), over=_rgb(HIGHEST)
    )
    passed = min(values) < low * end, max(values) > end
    ends = {(False, False): "neither", (True, False): "min", (False, True): "max"}
    return {"cmap": colours, "norm": Normalize(low * end, end)}, ends.get(passed, "both")


def _rgb(colour: tuple[int, int, int]) -> Rgb:
    red, green, blue = colour
    return red / 255, green / 255, blue / 255


def _cycled(count: int) -> list[tuple[int, int, int]]:
    return [LINES[i % len(LINES)] for i in range(count)]


# -- the paper


def _axes(width: float, height: float) -> Axes:
    """Return empty axes on a figure of their own, which a notebook shows."""
    try:
        from matplotlib.axes import Axes
        from matplotlib.figure import Figure
    except ImportError:
        raise ConfigError(
            "a plot needs matplotlib, which is not installed", "pip install 'glassgpt[plot]'"
        ) from None

    class Shown(Axes):
        """Axes that a notebook shows with all of their figure."""

        def _repr_png_(self) -> bytes:
            octets = io.BytesIO()
            figure.savefig(octets, format="png", dpi=110)
            return octets.getvalue()

    figure = Figure(figsize=(width, height), layout="constrained", facecolor=_rgb(PAGE))
    axes = figure.add_subplot(axes_class=Shown)
    axes.set_facecolor(_rgb(PAGE))
    return axes
