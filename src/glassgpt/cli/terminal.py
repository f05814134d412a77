"""Output: the only place that prints, in every encoding and without control characters.

Text from a user (documents, file names) may contain control characters, and characters that the
terminal's encoding does not have. The former are shown as Python's escapes, as by `repr`, so
different ones look different. The latter are replaced by a plain sign if there is one, else by an
escape.
"""

from __future__ import annotations

import codecs
import os
import shlex
import subprocess
import sys
from pathlib import Path
from typing import TextIO

import click

from glassgpt.errors import DataError

_MOST = 2_000  # characters of an error that are shown
# fmt: off
_PLAIN = {  # the program's own signs, for encodings without them
    "–": "-", "—": "-", "−": "-", "…": "...", "·": ".", "×": "x", "±": "+/-", "→": "->", "←": "<-",
    "≤": "<=", "≥": ">=", "∝": "~", "√": "sqrt ", "∂": "d", "Σ": "sum", "∞": "inf", "µ": "u",
    "β": "beta", "ε": "eps", "Δ": "delta", "²": "^2", "ⁿ": "^n", "₁": "1", "₂": "2",
    "\N{COMBINING CIRCUMFLEX ACCENT}": "^", "“": '"', "”": '"', "‘": "'", "’": "'",
}
# fmt: on
_HANDLER = "glassgpt.plain"


def visible(text: str) -> str:
    r"""Return `text` with each unprintable character as an escape, like \u202e."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else repr(c)[1:-1] for c in text)


def say(text: str = "", *, err: bool = False, styled: bool = False) -> None:
    """Print `text`, with control characters except line ends visible unless it is `styled`."""
    if not styled:
        text = "\n".join(map(visible, text.split("\n")))
    click.echo(text, file=sys.stderr if err else open_stdout())


def say_sample(text: str) -> None:
    """Print a text that the model wrote: with escapes to a terminal, unchanged to a program."""
    say(text, styled=not on_terminal())


def say_error(text: str) -> None:
    """Print an error to standard error, shortened if it quotes a long text."""
    if len(text) > _MOST:
        left, kept = len(text) - _MOST, _MOST // 2
        text = f"{text[:kept]} … ({left:,} characters left out) … {text[-kept:]}"
    try:
        say(text, err=True)
    except OSError:  # standard error is closed
        abandon(sys.stderr)


def open_stdout() -> TextIO:
    """Return standard output; raise `DataError` if the shell closed it (`>&-`)."""
    if sys.stdout is None:
        raise DataError(
            "standard output is closed, so nothing can be printed",
            "leave out >&-; to print nowhere, give > /dev/null",
        )
    return sys.stdout


def on_terminal() -> bool:
    """Return whether standard output is a terminal."""
    return sys.stdout is not None and sys.stdout.isatty()


def writable(text: str) -> bool:
    """Return whether the encoding of standard output has every character of `text`."""
    try:
        text.encode(getattr(sys.stdout, "encoding", None) or "utf-8")
    except UnicodeEncodeError:
        return False
    return True


def command_line(*words: str | Path) -> str:
    """Return a command as it is typed, its words quoted for the shell if they need it."""
    texts = [str(word) for word in words]
    return subprocess.list2cmdline(texts) if os.name == "nt" else shlex.join(texts)


# -- the streams


def prepare_streams() -> None:
    """Make characters that a stream's encoding does not have print as plain signs or escapes."""
    codecs.register_error(_HANDLER, _written_plainly)
    if sys.stderr is None:  # a shell closed it: 2>&-
        sys.stderr = open(os.devnull, "w")  # noqa: SIM115, PTH123 - until the process ends
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):  # not in a notebook; None if a shell closed it
            stream.reconfigure(errors=_HANDLER)


def _written_plainly(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    lost = error.object[error.start : error.end]
    return "".join(_PLAIN.get(c) or _escape(c) for c in lost), error.end


def _escape(character: str) -> str:
    return character.encode("ascii", "backslashreplace").decode()


def abandon(stream: TextIO | None) -> None:
    """Discard what is buffered for a closed stream, so that Python does not report an error."""
    try:
        if stream is not None:
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
    except (OSError, ValueError):  # not a file, or closed
        pass
