"""An explanation as lines of text, and as HTML for any notebook.

The HTML has no script, no style sheet and loads nothing; it uses the notebook's text colour, so it
is readable on light and dark.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from html import escape

from glassgpt.analysis.explain.explanation import (
    AdamUpdate,
    Breakdown,
    Explanation,
    Factor,
    Line,
    Term,
)
from glassgpt.analysis.explain.words import figure
from glassgpt.errors import counted

MOST_TERMS = 12  # of a sum; the others are counted
BELOW, ABOVE = "#3f83d6", "#e07b2a"  # zero: the page's blue and orange, seen on light and dark
BAR = 44  # pixels of the longest bar


def breakdowns(told: Explanation) -> list[tuple[str, Breakdown]]:
    """Return both breakdowns with their titles, the one that the address names first."""
    pair = [("made of", told.value), (f"gradient {figure(told.gradient.number)}", told.gradient)]
    return pair[::-1] if told.address.startswith("grad:") else pair


def headline(told: Explanation) -> str:
    """Return the address and its number."""
    return f"{_door(told.address)} = {breakdowns(told)[0][1].number!r}"


def _door(address: str) -> str:
    """Return the address to give to `explain` next."""
    return address.removeprefix("value:")


def _factors(factors: Sequence[Factor]) -> str:
    return " · ".join(_door(factor.address) or factor.name for factor in factors)


def _rest(breakdown: Breakdown) -> str:
    left = breakdown.terms[MOST_TERMS:]
    return f"and {len(left):,} more, which add up to {figure(sum(one.amount for one in left))}"


def _total(breakdown: Breakdown) -> str:
    return f"{breakdown.total_name} = {figure(breakdown.total)}" if breakdown.total_name else ""


# -- as text


def as_text(told: Explanation) -> str:
    """Return an explanation as an indented tree."""
    lines = [headline(told), f"  {told.words}", f"  {told.sentence}"]
    for title, breakdown in breakdowns(told):
        lines += [f"  {title}: {breakdown.formula}", f"    = {breakdown.numbers}"]
        lines += [f"    {line}" for line in _breakdown_lines(breakdown)]
    if told.update:
        lines.append(f"  {_update_title(told.update)}")
        lines += [
            f"    {one.name} = {one.formula} = {one.numbers} = {figure(one.number)}"
            for one in told.update.entries
        ]
    return "\n".join(lines)


def _breakdown_lines(breakdown: Breakdown) -> Iterator[str]:
    if breakdown.total_name:
        yield _total(breakdown)
    for one in breakdown.terms[:MOST_TERMS]:
        yield f"  {figure(one.amount):>9} = {one.numbers}  {one.label}: {_factors(one.factors)}"
    if len(breakdown.terms) > MOST_TERMS:
        yield f"  {_rest(breakdown)}"
    for line in breakdown.lines:
        yield f"{line.file}:{line.number}  {line.source}"


def _update_title(update: AdamUpdate) -> str:
    return f"update {update.step:,} makes it {update.new_weight!r}"


# -- as HTML

_FAINT = "opacity:.7"
_LEFT = "text-align:left;padding:1px 14px 1px 0;vertical-align:top"
_RIGHT = "text-align:right;padding:1px 10px 1px 0;vertical-align:top;white-space:nowrap"
_CODE = "font-family:monospace;font-size:.92em"


def as_html(told: Explanation) -> str:
    """Return an explanation as nested `details`: first the number, then its breakdowns."""
    first, second = breakdowns(told)
    return (
        '<div style="line-height:1.5;max-width:72em;overflow-x:auto">'
        f'<div style="{_CODE}"><b>{escape(headline(told))}</b></div>'
        f'<div>{escape(told.words)}<br><span style="{_FAINT}">{escape(told.sentence)}</span></div>'
        f"{_details(*first, is_open=True)}{_details(*second)}"
        f"{_update(told.update) if told.update else ''}</div>"
    )


def _details(title: str, breakdown: Breakdown, *, is_open: bool = False) -> str:
    count = f" · {counted(len(breakdown.terms), 'term')}" if breakdown.terms else ""
    total = f"<div>{escape(_total(breakdown))}</div>" if breakdown.total_name else ""
    return _folded(
        f"<b>{escape(title)}</b>{count}",
        f"<div>{escape(breakdown.formula)}</div><div>= {escape(breakdown.numbers)}</div>{total}"
        f"{_terms(breakdown)}{''.join(map(_line, breakdown.lines))}",
        is_open,
    )


def _folded(summary: str, inside: str, is_open: bool = False) -> str:
    return (
        f'<details{" open" * is_open} style="margin-top:6px">'
        f'<summary style="cursor:pointer">{summary}</summary>'
        f'<div style="margin:2px 0 0 18px">{inside}</div></details>'
    )


def _terms(breakdown: Breakdown) -> str:
    shown = breakdown.terms[:MOST_TERMS]
    largest = max((abs(one.amount) for one in shown), default=0.0) or 1.0
    rows = [_row(one, largest) for one in shown]
    if len(breakdown.terms) > MOST_TERMS:
        cell = f'<td colspan="5" style="{_LEFT};{_FAINT}">{escape(_rest(breakdown))}</td>'
        rows.append(f"<tr>{cell}</tr>")
    return f'<table style="border-collapse:collapse;margin:4px 0">{"".join(rows)}</table>'


def _row(one: Term, largest: float) -> str:
    cells = (
        (_RIGHT, figure(one.amount)),
        (_LEFT, f"= {one.numbers}"),
        (_LEFT, one.label),
        (f"{_LEFT};{_CODE}", _factors(one.factors)),
    )
    written = [f'<td style="{style}">{escape(text)}</td>' for style, text in cells]
    written.insert(1, f'<td style="padding:0 10px 0 0">{_bar(one.amount / largest)}</td>')
    return f'<tr style="background:none">{"".join(written)}</tr>'


def _bar(share: float) -> str:
    """Return a bar that goes from the middle to the right where the share is above zero."""
    width = BAR * min(1.0, abs(share)) if share == share else 0.0
    left = BAR if share > 0 else BAR - width
    colour = ABOVE if share > 0 else BELOW
    return (
        f'<div style="width:{2 * BAR}px"><div style="margin-left:{left:.0f}px;'
        f'width:{width:.0f}px;height:9px;background:{colour}"></div></div>'
    )


def _line(line: Line) -> str:
    text = f"{line.file}:{line.number}  {line.source}"
    return f'<div style="{_CODE};{_FAINT};white-space:pre-wrap">{escape(text)}</div>'


def _update(update: AdamUpdate) -> str:
    rows = "".join(
        f'<tr style="background:none"><td style="{_LEFT}">{escape(f"{one.name} = {one.formula}")}'
        f'</td><td style="{_LEFT}">= {escape(one.numbers)}</td>'
        f'<td style="{_LEFT}">= {figure(one.number)}</td></tr>'
        for one in update.entries
    )
    table = f'<table style="border-collapse:collapse;margin:4px 0">{rows}</table>'
    return _folded(f"<b>{escape(_update_title(update))}</b>", table)
