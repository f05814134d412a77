"""A loss curve: its smoothing, and its drawing as SVG for any notebook.

The SVG uses the notebook's text colour, so it is readable on light and dark.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import accumulate

SMOOTHED_OVER = 100  # losses, as the page smooths
WIDE, TALL = 560, 170  # pixels of the picture
LEFT, RIGHT, TOP, BOTTOM = 48, 26, 18, 34  # pixels around the curve
COLUMNS = 250  # points at most: more would be closer than two pixels
_STEPS = (1, 2, 2.5, 5, 10)


def smoothed(losses: Sequence[float]) -> list[float]:
    """Return the mean of the last hundred losses at each step."""
    sums = list(accumulate(losses, initial=0.0))
    starts = (max(0, end - SMOOTHED_OVER) for end in range(1, len(sums)))
    return [(sums[i + 1] - sums[start]) / (i + 1 - start) for i, start in enumerate(starts)]


def ticks(low: float, high: float, most: int = 5) -> list[float]:
    """Return round numbers from `low` to `high`, `most` at most."""
    if not high > low:
        return [low]
    power = 10 ** math.floor(math.log10((high - low) / most))
    apart = next(step * power for step in _STEPS if step * power * most >= high - low)
    first = math.ceil(low / apart - 1e-9)
    return [k * apart for k in range(first, math.floor(high / apart + 1e-9) + 1)]


def as_svg(losses: Sequence[float], first: int = 1) -> str:
    """Return the curve of the losses of steps `first`, `first` + 1, …; "" for fewer than two.

    The line is the smoothed loss; the band behind it spans the losses themselves.
    """
    if len(losses) < 2:
        return ""
    line, columns = smoothed(losses), _columns(losses)
    low, high = min(losses), max(losses)
    height = TALL - TOP - BOTTOM

    def x(i: int) -> float:
        return LEFT + (WIDE - LEFT - RIGHT) * i / (len(losses) - 1)

    def y(loss: float) -> float:
        return TOP + height * (high - loss) / ((high - low) or 1)

    highs = [(x(i), y(max(losses[i:end]))) for i, end in columns]
    lows = [(x(i), y(min(losses[i:end]))) for i, end in columns]
    return (
        f'<svg width="{WIDE}" height="{TALL}" viewBox="0 0 {WIDE} {TALL}" role="img" '
        f'aria-label="{_label(losses, line)}" fill="currentColor" '
        'font-family="sans-serif" font-size="11" style="max-width:100%;height:auto">'
        f"{''.join(_across(y(tick), f'{tick:g}') for tick in ticks(low, high))}"
        f"{''.join(_below(x(int(t) - first), f'{t:,.0f}') for t in _whole(first, losses))}"
        f'<polygon points="{_points(highs + lows[::-1])}" fill-opacity=".18" '
        'stroke="currentColor" stroke-opacity=".25"/>'
        f'<polyline points="{_points([(x(i), y(line[i])) for i in _places(columns)])}" '
        'fill="none" stroke="currentColor" stroke-width="1.6" stroke-linejoin="round"/>'
        f'<text x="{(LEFT + WIDE - RIGHT) / 2:g}" y="{TALL - 4}" text-anchor="middle">step</text>'
        f'<text transform="translate(12 {TOP + height / 2:g}) rotate(-90)" text-anchor="middle">'
        "loss (nats)</text>"
        f'<text x="{WIDE - RIGHT}" y="11" text-anchor="end" fill-opacity=".8">'
        f"line: mean of the last {SMOOTHED_OVER}; grey: each loss</text></svg>"
    )


def _label(losses: Sequence[float], line: Sequence[float]) -> str:
    return (
        f"loss of {len(losses):,} steps: smoothed over {SMOOTHED_OVER}, "
        f"from {line[0]:.2f} to {line[-1]:.2f} nats"
    )


def _columns(losses: Sequence[float]) -> list[tuple[int, int]]:
    """Return the ranges of losses that share a column of pixels."""
    width = math.ceil(len(losses) / COLUMNS)
    return [(i, min(i + width, len(losses))) for i in range(0, len(losses), width)]


def _places(columns: Sequence[tuple[int, int]]) -> list[int]:
    return [*(i for i, _ in columns), columns[-1][1] - 1]


def _whole(first: int, losses: Sequence[float]) -> list[float]:
    return [t for t in ticks(first, first + len(losses) - 1) if t == int(t) >= first]


def _points(points: Sequence[tuple[float, float]]) -> str:
    return " ".join(f"{across:.1f},{down:.1f}" for across, down in points)


def _across(y: float, text: str) -> str:
    return (
        f'<path d="M{LEFT} {y:.1f}H{WIDE - RIGHT}" stroke="currentColor" stroke-opacity=".15"/>'
        f'<text x="{LEFT - 6}" y="{y + 4:.1f}" text-anchor="end" fill-opacity=".8">{text}</text>'
    )


def _below(x: float, text: str) -> str:
    down = TALL - BOTTOM + 15
    return f'<text x="{x:.1f}" y="{down}" text-anchor="middle" fill-opacity=".8">{text}</text>'
