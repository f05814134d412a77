"""Paths and options that a command cannot use: a sentence before the first step."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from glassgpt.cli.main import run
from tests.support.command import TINY, WORDS

Answer = Callable[..., str]


@pytest.fixture
def answer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Answer:
    """A function that runs a command in a directory with words.txt, and returns what it printed."""
    monkeypatch.chdir(tmp_path)
    Path("words.txt").write_text(WORDS)

    def answer(*arguments: str, code: int = 1) -> str:
        done = run(list(arguments))
        text = "".join(capsys.readouterr())
        assert done == code, text
        return text.replace("\n", " ")

    return answer


LONG = "x" * 300
PATHS = {  # what is made first, the arguments, and the expected answer
    "log loop": ("loop", ("train", "--log", "loop"), "'loop' cannot be written: Too many levels"),
    "sweep loop": ("loop", ("sweep", "--out", "loop"), "'loop' cannot be written: Too many levels"),
    "out loop": ("loop", ("train", "--out", "loop"), "in 'loop': it is a link to a missing file"),
    "out link": ("link", ("train", "--out", "link"), "in 'link': it is a link to a missing file"),
    "out file": ("", ("train", "--out", "words.txt"), "'words.txt': it is a file, not a directory"),
    "out in file": ("", ("train", "--out", "words.txt/run"), "'words.txt/run': Not a directory"),
    "out long": ("", ("train", "--out", LONG), "File name too long hint: choose another --out"),
    "log long": ("", ("train", "--log", LONG), "File name too long hint: give --log a file"),
    "out empty": ("", ("train", "--out", ""), "'--out': the path is empty"),
    "log empty": ("", ("train", "--log", ""), "'--log': the path is empty"),
    "resume empty": ("", ("train", "--resume", ""), "'--resume': the path is empty"),
    "sweep out empty": ("", ("sweep", "--out", ""), "'--out': the path is empty"),
    "kept run empty": ("", ("sample", ""), "the path is empty"),
    "data empty": ("", ("train", ""), "the name of the text file is empty"),
    "page's data empty": ("", ("--no-open", "--data", ""), "the name of the text file is empty"),
    "out -": ("", ("train", "--out", "-"), "so --out cannot be -, standard output"),
    "out with a directory": (
        "directory", ("train", "--out", "run", "--overwrite"),
        "'run/checkpoint.safetensors' is a directory, but must be a file",
    ),
    "out with a picture": (
        "picture", ("train", "--out", "run"),
        "--out would replace a file: 'run/checkpoint.safetensors' is a PNG picture, not a GlassGPT",
    ),
    "a picture": ("picture", ("sample", "run"), "is a PNG picture, not a GlassGPT checkpoint"),
}  # fmt: skip


def make(what: str) -> None:
    model = Path("run/checkpoint.safetensors")
    match what:
        case "loop":
            Path("loop").symlink_to("loop")
        case "link":
            Path("link").symlink_to("nowhere")
        case "directory":
            model.mkdir(parents=True)
        case "picture":
            model.parent.mkdir()
            model.write_bytes(b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR")


@pytest.mark.parametrize(("made", "arguments", "sentence"), PATHS.values(), ids=PATHS.keys())
def test_a_path_that_cannot_be_used_is_refused_before_the_first_step(
    made: str, arguments: tuple[str, ...], sentence: str, answer: Answer
) -> None:
    make(made)
    said = answer(*arguments)
    assert sentence in said
    assert "hint: " in said or "Usage: " in said
    assert "step" not in said


def test_a_link_to_a_directory_is_a_directory(answer: Answer) -> None:
    Path("run").mkdir()
    Path("link").symlink_to("run")
    answer("train", "words.txt", *TINY, "--out", "link", "-q", code=0)
    assert Path("run/checkpoint.safetensors").is_file()
    answer("train", "words.txt", "--resume", "run", "--out", "link", "-q", code=0)


CLOSED = {
    "train": ("train", "words.txt", *TINY),
    "quiet": ("train", "words.txt", *TINY, "-q"),
    "log": ("train", "words.txt", *TINY, "--log", "-"),
    "sweep": ("sweep", "words.txt", *TINY, "--out", "-"),
    "page": ("--no-open",),
}


@pytest.mark.parametrize("arguments", CLOSED.values(), ids=CLOSED.keys())
def test_a_closed_standard_output_is_a_mistake(
    arguments: tuple[str, ...], answer: Answer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stdout", None)
    assert "error: standard output is closed" in answer(*arguments)


def test_a_command_that_prints_nothing_can_do_without_standard_output(
    answer: Answer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stdout", None)
    arguments = ("train", "words.txt", *TINY, "-q", "-n", "0", "--out", "run")
    assert answer(*arguments, code=0) == ""
    assert Path("run/checkpoint.safetensors").is_file()


def test_what_goes_to_a_closed_standard_error_reaches_no_other_stream(
    answer: Answer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stderr", None)
    said = answer("sweep", "words.txt", *TINY, "--jobs", "1", "--out", "-", code=0)
    assert said.startswith('{"config"')
    assert said.count("{") == 2
    assert answer("sample", "nowhere") == ""
    sys.stderr.close()


OPTIONS = {
    "grid and option": (
        ("sweep", "--grid", "n_embd=16", "--n-embd", "32"),
        "the grid lists n_embd, so --n-embd 32 cannot be given too hint: leave out --n-embd",
    ),
    "grid and --steps": (
        ("sweep", "--grid", "steps=5,6", "--steps", "9"),
        "the grid lists num_steps, so --steps 9 cannot be given too",
    ),
    "grid and --seed": (
        ("sweep", "--grid", "seed=1", "--seed", "1"),
        "so --seed 1 cannot be given",
    ),
    "no seeds": (("sweep", "--seeds", "0"), "seeds is 0, but must be 1 or more hint: give --seeds"),
    "too many": (
        ("sweep", "--seeds", "2", "--max-runs", "1", "--jobs", "1", *TINY),
        "this sweep has 2 runs, more than --max-runs 1; with 1 job it would take about",
    ),
    "comma": (("train", "--learning-rate", "0,005"), "'0,005' has a comma; write 0.005"),
    "thousands": (("train", "--steps", "1,000"), "'1,000' has a comma; write 1000"),
    "kept run": (("verify", "run", "--steps", "3", "--n-embd", "4"), "so --n-embd, --steps cannot"),
}


@pytest.mark.parametrize(("arguments", "sentence"), OPTIONS.values(), ids=OPTIONS.keys())
def test_an_option_that_would_be_without_effect_or_sense_is_refused(
    arguments: tuple[str, ...], sentence: str, answer: Answer
) -> None:
    if "run" in arguments:
        answer("train", "words.txt", *TINY, "-q", "--out", "run", code=0)
    assert sentence in answer(*arguments)
