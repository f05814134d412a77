"""What commands read and write: pipes and standard output, cut texts, wrong files, signals."""

from __future__ import annotations

import json
import os
import shlex
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from glassgpt import load_checkpoint
from tests.support.command import TINY, WORDS, start, wait_for
from tests.support.prepared import Done, Prepared

PROSE = "It was a dark night. The rain fell in torrents! Nobody came, and nobody went away. " * 3


@pytest.fixture(scope="module")
def prepared() -> Iterator[Prepared]:
    with Prepared() as prepared:
        yield prepared


@pytest.fixture
def words(tmp_path: Path) -> Path:
    path = tmp_path / "words.txt"
    path.write_text(WORDS)
    return path


def said(done: Done, code: int = 0) -> str:
    text = (done.out + done.err).decode()
    assert done.code == code, text
    return text


@pytest.mark.parametrize("log", ["-", "/dev/stdout"])
@pytest.mark.parametrize("sink", ["pipe", "file"])
def test_only_the_log_goes_to_standard_output(
    words: Path, prepared: Prepared, log: str, sink: str
) -> None:
    done = prepared.run(["train", words, *TINY, "-n", "3", "--log", log], "cp1252", sink)
    assert done.code == 0
    assert [json.loads(line)["step"] for line in done.out.splitlines()] == list(range(1, 21))
    assert done.err.startswith(b"documents")
    assert len(done.err.decode("cp1252").split("\n\n", 1)[1].split("\n")) == 4
    assert not Path("-").exists()


def test_sweep_writes_its_lines_to_standard_output(words: Path, prepared: Prepared) -> None:
    done = prepared.run(["sweep", words, *TINY, "--seeds", "2", "--jobs", "1", "--out", "-"])
    assert [json.loads(line)["config"]["n_embd"] for line in done.out.splitlines()] == [4, 4]
    assert b"validation" in done.err


@pytest.mark.parametrize("command", ["train {} {} --log >(cat)", "sweep {} {} --out >(cat)"])
def test_records_go_through_a_process_substitution(words: Path, command: str) -> None:
    line = command.format(shlex.quote(str(words)), shlex.join(TINY))
    done = subprocess.run(
        ["bash", "-c", f"{sys.executable} -m glassgpt {line} 2>/dev/null | grep '^{{'"],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert len(done.stdout.splitlines()) == (20 if "train" in command else 1)


def test_a_log_behind_a_link_is_written_to_its_target(
    words: Path, tmp_path: Path, prepared: Prepared
) -> None:
    (tmp_path / "link").symlink_to(tmp_path / "target")
    said(prepared.run(["train", words, *TINY, "--log", tmp_path / "link"]))
    assert (tmp_path / "link").is_symlink()
    assert len((tmp_path / "target").read_text().splitlines()) == 20


def test_a_text_is_cut_alike_by_every_command(tmp_path: Path, prepared: Prepared) -> None:
    prose, run = tmp_path / "prose.txt", tmp_path / "run"
    prose.write_text(PROSE)
    out = said(prepared.run(["train", prose, *TINY, "--cut", "words", "--out", run]))
    assert "words of prose.txt" in out
    assert load_checkpoint(run).recipe.cut == "words"
    said(prepared.run(["train", prose, "--resume", run, "--steps", "25"]))
    reading = (("inspect",), ("explain",), ("verify",), ("open", "--no-open"))
    for name, *options in reading:
        said(prepared.run([name, run, *options, "--data", prose]))
    assert "words of prose.txt" in said(prepared.run(["inspect", run]))
    saved = tmp_path / "documents.txt"  # as the page saves them: cut already
    saved.write_text(PROSE.replace(" ", "\n").replace(".", "").replace("!", "").replace(",", ""))
    said(prepared.run(["train", saved, "--resume", run, "--steps", "30"]))
    err = said(prepared.run(["train", prose, "--cut", "sentences", "--resume", run]), 1)
    assert "trained on 'prose.txt' cut into words" in err
    assert "not on 'prose.txt' cut into sentences" in err


def test_one_long_line_is_said_to_be_running_text_and_a_table_a_text(
    tmp_path: Path, prepared: Prepared
) -> None:
    prose, table = tmp_path / "prose.txt", tmp_path / "names.csv"
    prose.write_text(PROSE)
    table.write_text("name,sex\nemma,F\n")
    out = said(prepared.run(["train", prose, *TINY]))
    assert "1 document of 1 is longer than the context" in out
    assert "--cut paragraphs, sentences or words" in out
    assert "a header line is a document too" in said(prepared.run(["train", table, *TINY]))


def test_an_error_names_the_file_that_was_given(
    words: Path, tmp_path: Path, prepared: Prepared
) -> None:
    run, other = tmp_path / "run", tmp_path / "other.txt"
    said(prepared.run(["train", words, *TINY, "--out", run]))
    other.write_text("zoe\n")
    err = said(prepared.run(["inspect", run, "--data", other]), 1)
    assert "trained on 'words.txt', not on 'other.txt' (SHA-256" in err


def test_a_command_to_copy_is_quoted(tmp_path: Path, prepared: Prepared) -> None:
    words, run = tmp_path / "my (own) words.txt", tmp_path / "a run"
    words.write_text(WORDS)
    said(prepared.run(["train", words, *TINY, "--out", run]))
    err = said(prepared.run(["train", words, *TINY, "--out", run]), 1)
    command = err.partition("continue it (")[2].partition("), name another")[0]
    assert shlex.split(command) == ["glassgpt", "train", str(words), "--resume", str(run)]


MISTAKES = {
    "scalar with itself": (
        ["verify", "--engine", "scalar"],
        "--engine scalar cannot be compared with itself",
    ),
    "address": (
        ["train", "https://example.org/a.txt"],
        "'https://example.org/a.txt' is an address",
    ),
    "cut names": (["train", "--cut", "words"], "--cut needs a text to cut"),
    "first weights": (["train", "--init-std", "10", "--steps", "3"], "a smaller init_std"),
    "rate": (["train", "--learning-rate", "10", "--steps", "300"], "a smaller learning rate"),
}


@pytest.mark.parametrize(("arguments", "sentence"), MISTAKES.values(), ids=MISTAKES.keys())
def test_each_mistake_has_its_own_reason(
    arguments: list[str], sentence: str, prepared: Prepared
) -> None:
    assert sentence in said(prepared.run(arguments), 1).replace("\n", " ")


@pytest.mark.parametrize("option", ["--prefix", "--n-embd"])
def test_an_error_shortens_a_long_text(option: str, prepared: Prepared) -> None:
    assert len(said(prepared.run(["train", option, "x" * 100_000]), 1)) < 3_000


@pytest.mark.parametrize("octets", [b"", b"\0\0\0", b"{}"])
def test_the_error_of_an_empty_or_truncated_checkpoint_says_so(
    octets: bytes, tmp_path: Path, prepared: Prepared
) -> None:
    path = tmp_path / "checkpoint.safetensors"
    path.write_bytes(octets)
    err = said(prepared.run(["sample", tmp_path]), 1)
    assert "struct" not in err
    assert "unpack" not in err
    assert "hint: " in err


def test_every_command_refuses_a_damaged_checkpoint_and_leaves_it(
    words: Path, tmp_path: Path, prepared: Prepared
) -> None:
    run = tmp_path / "run"
    said(prepared.run(["train", words, *TINY, "--out", run]))
    path = run / "checkpoint.safetensors"
    octets = bytearray(path.read_bytes())
    octets[-3] ^= 1  # a weight that is another one, and as plausible
    path.write_bytes(octets)
    commands: list[list[str | Path]] = [
        ["train", words, "--resume", run, "--steps", "30"],
        ["sample", run],
        ["inspect", run],
        ["explain", run, "value:wte[0,0]", "--data", words],
        ["verify", run, "--data", words],
        ["open", run, "--data", words, "--no-open"],
    ]
    for command in commands:
        assert "is damaged" in said(prepared.run(command), 1)
    assert path.read_bytes() == octets


def test_a_saved_run_is_verified_by_the_scalar_engine_alone(
    words: Path, tmp_path: Path, prepared: Prepared
) -> None:
    said(prepared.run(["train", words, *TINY, "--out", tmp_path / "run"]))
    command: list[str | Path] = ["verify", tmp_path / "run", "--data", words, "--engine", "scalar"]
    assert "weights, " in said(prepared.run(command))


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_kill_and_a_closed_terminal_keep_the_run(
    words: Path, tmp_path: Path, number: signal.Signals
) -> None:
    run = tmp_path / "run"
    process = start(words, "--engine", "scalar", "--steps", "5000", "--out", run)
    wait_for(run / "checkpoint.safetensors", process)
    process.send_signal(number)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 128 + number, err
    assert f"stopped after step {load_checkpoint(run).step:,} of 5,000" in err


def test_nohup_stays_in_force(words: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        process = start(words, "--engine", "scalar", "--steps", "60", "--out", run)
    finally:
        signal.signal(signal.SIGHUP, before)
    wait_for(run / "checkpoint.safetensors", process)
    os.kill(process.pid, signal.SIGHUP)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 0, err
    assert load_checkpoint(run).step == 60
