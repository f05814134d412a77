"""Every command in every encoding, on terminals, pipes, files and closed pipes: no traceback."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from tests.support.prepared import SINKS, Prepared

# a tab, an escape, DEL, C1, a bidi override, letters outside of Latin, an emoji, a wide letter
NASTY = "em\tma\nol\x1b[31mivia\nav\x7fa\nis\x9b31mabella\nso\u202ephia\nrené\nмама\n😀\n名前\n"
ENCODINGS = ("utf-8", "cp1252", "ascii")
RUN, DATA = "{run}", "{data}"
SMALL = ("--n-embd", "4", "--n-head", "2", "--steps", "4")
COMMANDS = {
    "train": ("train", DATA, *SMALL, "-n", "9"),
    "sample": ("sample", RUN),
    "sample --probs": ("sample", RUN, "--probs"),
    "inspect": ("inspect", RUN, "--data", DATA),
    "explain": ("explain", RUN, "wte[1,1]", "--data", DATA, "--graph"),
    "open": ("open", RUN, "--data", DATA, "--no-open"),
    "page": ("--data", DATA, "--no-open"),
    "sweep": ("sweep", DATA, *SMALL, "--seeds", "2", "--jobs", "1"),
    "bench": ("bench",),
    "verify": ("verify", RUN, "--data", DATA),
    "completion": ("completion", "zsh"),
    "mistake": ("train", DATA, "--prefix", "\x1b[31m\udce9ž"),
    "usage": ("sample", RUN, "--pro\x1b[31mž"),
}
HELP = ("", "train", "sample", "inspect", "explain", "open", "sweep", "bench", "verify")


@pytest.fixture(scope="module")
def prepared() -> Iterator[Prepared]:
    with Prepared() as prepared:
        yield prepared


@pytest.fixture(scope="module")
def places(prepared: Prepared, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The file of difficult documents, and a saved run on them."""
    data = tmp_path_factory.mktemp("terminals") / "nasty.txt"
    data.write_text(NASTY, encoding="utf-8")
    run = data.with_name("run")
    done = prepared.run(["train", data, *SMALL, "-n", "0", "--out", run])
    assert done.code == 0, done.err.decode()
    return {RUN: str(run), DATA: str(data)}


@pytest.mark.parametrize("sink", SINKS)
@pytest.mark.parametrize("encoding", ENCODINGS)
@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_ends_in_order_in_every_encoding_and_place(
    command: str, encoding: str, sink: str, prepared: Prepared, places: dict[str, str]
) -> None:
    arguments = [places.get(word, word) for word in COMMANDS[command]]
    done = prepared.run(arguments, encoding, sink)
    text = (done.out + done.err).decode(encoding)  # which it must be
    assert "Traceback" not in text
    assert "Exception ignored" not in text
    allowed = {"mistake": {1}, "usage": {1}, "page": {0, 130}, "open": {0, 130}}.get(command, {0})
    assert done.code in ({1} if sink == "closed pipe" else allowed), text
    if sink == "closed pipe" and command not in ("mistake", "usage"):
        assert "error" not in text
    if sink == "terminal" or command in ("mistake", "usage"):
        ours = re.sub(r"\x1b\[(?!31m)[0-9;?]*[A-Za-z]|[\r\n]", "", text)  # colours, cursor
        assert not re.search("[\x00-\x1f\x7f-\x9f\u202e]", ours), ours


@pytest.mark.parametrize("command", HELP)
def test_help_is_written_in_signs_that_every_encoding_has(command: str, prepared: Prepared) -> None:
    done = prepared.run([command, "--help"] if command else ["--help"])
    assert (done.code, done.err) == (0, b"")
    assert done.out.isascii(), done.out.decode()
