"""The command line as its users run it: in a process, by its words, exit codes and files."""

from __future__ import annotations

import json
import os
import pty
import re
import resource
import select
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from glassgpt import Config, Session, __version__, builtin_names, load_checkpoint
from glassgpt.engines import ENGINES
from glassgpt.model.config import Sampling, settings
from tests.support.command import TINY, WORDS, glassgpt, start, wait_for


@pytest.fixture
def words(tmp_path: Path) -> Path:
    path = tmp_path / "words.txt"
    path.write_text(WORDS)
    return path


# -- what it prints


def test_train_says_what_it_learns_from_shows_progress_and_prints_names() -> None:
    out, _ = glassgpt("train", "--steps", "10", "--samples", "3")
    assert re.search(r"^documents +5,163 ", out, re.M)
    assert re.search(r"^vocabulary +27 ", out, re.M)
    assert re.search(r"^parameters +4,192 ", out, re.M)
    assert re.search(r"^step 10/10  loss \d\.\d+  smoothed \d\.\d+  lr 0\.00100 ", out, re.M)
    samples = out.split("\n\n")[-1].splitlines()
    session = Session(Config(num_steps=10), builtin_names())
    session.run()
    assert samples == list(session.sample(Sampling(num_samples=3)))


def test_quiet_prints_the_samples_and_nothing_else(words: Path) -> None:
    out, err = glassgpt("train", words, *TINY, "-q", "-n", "4")
    assert (len(out.splitlines()), err) == (4, "")


def test_data_can_come_from_standard_input(words: Path) -> None:
    assert glassgpt("train", "-", *TINY, "-q", stdin=WORDS) == glassgpt("train", words, *TINY, "-q")


def test_every_setting_has_an_option_and_reaches_the_run(words: Path, tmp_path: Path) -> None:
    other: dict[str, Any] = {
        "n_layer": 2, "n_embd": 6, "n_head": 3, "block_size": 5, "num_steps": 4,
        "learning_rate": 0.02, "beta1": 0.8, "beta2": 0.9, "eps": 1e-6, "init_std": 0.1, "seed": 7,
    }  # fmt: skip
    assert set(other) == {setting.name for setting in settings(Config)}
    options = [
        text
        for setting in settings(Config)
        for text in (f"--{setting.option.replace('_', '-')}", str(other[setting.name]))
    ]
    glassgpt("train", words, *options, "--out", tmp_path / "run")
    assert load_checkpoint(tmp_path / "run").config == Config(**other)


def test_help_has_examples_and_version_is_the_packages() -> None:
    out, _ = glassgpt("--help")
    assert "glassgpt train poems.txt --out run" in out
    out, _ = glassgpt("train", "--help")
    for setting in settings(Config):
        assert f"--{setting.option.replace('_', '-')} " in out
    assert glassgpt("--version")[0] == f"glassgpt, version {__version__}\n"


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_prints_a_script(shell: str) -> None:
    assert "_GLASSGPT_COMPLETE" in glassgpt("completion", shell)[0]


def test_completion_lists_the_commands() -> None:
    environment = {**os.environ, "_GLASSGPT_COMPLETE": "bash_complete"}
    environment |= {"COMP_WORDS": "glassgpt t", "COMP_CWORD": "1"}
    command = [sys.executable, "-c", "from glassgpt.cli import main; main()"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert "train" in done.stdout


def test_a_terminal_gets_a_live_bar(words: Path) -> None:
    screen = in_terminal("train", str(words), *TINY)
    assert "━" in screen
    assert re.search(r"loss.*smoothed.*lr.*steps/s", screen)


def test_probabilities_are_bars_coloured_on_a_terminal_only(words: Path, tmp_path: Path) -> None:
    glassgpt("train", words, *TINY, "--out", tmp_path / "run")
    out, _ = glassgpt("sample", tmp_path / "run", "--probs", "-n", "2")
    assert re.match(r"\w* +(\w[▁▂▃▄▅▆▇█] )*·?[▁▂▃▄▅▆▇█]?", out)
    assert "\x1b[" not in out
    assert "\x1b[38;2;" in in_terminal("sample", str(tmp_path / "run"), "--probs", "-n", "2")


def in_terminal(*arguments: str) -> str:
    """Run the command on a pseudo-terminal and return all that it drew."""
    child, terminal = pty.fork()
    if child == 0:  # pragma: no cover - the other process
        os.environ |= {"COLUMNS": "120", "TERM": "xterm-256color"}
        os.execv(sys.executable, [sys.executable, "-m", "glassgpt", *arguments])
    drawn = b""
    while select.select([terminal], [], [], 60)[0]:
        try:
            octets = os.read(terminal, 65536)
        except OSError:  # raised by Linux when the other end has closed
            break
        drawn += octets
    os.close(terminal)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0, drawn.decode()
    return drawn.decode()


# -- the log


def test_the_log_has_a_line_a_step_at_full_precision(words: Path, tmp_path: Path) -> None:
    log = tmp_path / "run.jsonl"
    glassgpt("train", words, *TINY, "--log", log)
    lines = [json.loads(line) for line in log.read_text().splitlines()]
    session = Session(Config(n_embd=4, n_head=2, num_steps=20), WORDS.split())
    records = session.run()
    assert [list(line) for line in lines] == [["step", "doc", "loss", "lr"]] * 20
    assert [tuple(line.values()) for line in lines] == [
        (r.step, r.document, r.loss, r.learning_rate) for r in records
    ]


def test_a_resumed_log_has_each_step_once(words: Path, tmp_path: Path) -> None:
    whole, log = tmp_path / "whole.jsonl", tmp_path / "run.jsonl"
    glassgpt("train", words, *TINY, "--log", whole)
    # as a kill leaves it: the checkpoint at step 8, the log two steps and half a line further on
    session = Session(Config(n_embd=4, n_head=2, num_steps=20), WORDS.split(), data_name=words.name)
    session.run(8)
    from glassgpt import save_checkpoint

    save_checkpoint(session.snapshot(), tmp_path / "run")
    lines = whole.read_text().splitlines(keepends=True)
    log.write_text("".join(lines[:10]) + lines[10][:9])
    glassgpt("train", words, "--resume", tmp_path / "run", "--log", log)
    assert log.read_text() == whole.read_text()


def test_a_log_never_replaces_another_file(words: Path) -> None:
    _, err = glassgpt("train", words, *TINY, "--log", words, check=1)
    assert "exists and is not a training log (line 1)" in err
    assert words.read_text() == WORDS


def test_a_file_of_one_unfinished_line_is_no_log_either(words: Path, tmp_path: Path) -> None:
    note = tmp_path / "note.txt"
    for command in (("train", words, *TINY, "--log", note), ("sweep", words, "--out", note)):
        note.write_text("my only line, no newline")
        glassgpt(*command, "--steps", "3", check=1)
        assert note.read_text() == "my only line, no newline"
        note.write_text("{")  # as a kill in the middle of the first record leaves it
        glassgpt(*command, "--steps", "3")


def test_resuming_by_the_file_saves_the_run_in_its_directory(words: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    glassgpt("train", words, *TINY, "--out", run)
    glassgpt("train", words, "--resume", run / "checkpoint.safetensors", "--steps", "30")
    assert load_checkpoint(run).step == 30


def test_an_out_that_cannot_be_written_is_found_before_training(words: Path) -> None:
    out, err = glassgpt("train", words, *TINY, "--out", words, check=1)
    assert "no checkpoint can be saved in" in err
    assert out == ""


def test_left_overs_of_killed_writers_are_cleared(words: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    run.mkdir()
    (run / ".checkpoint.safetensors.123.partial").write_text("half")
    glassgpt("train", words, *TINY, "--out", run)
    assert [path.name for path in run.iterdir()] == ["checkpoint.safetensors"]


def test_without_a_kernel_the_scalar_engine_serves_every_command(
    words: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = tmp_path / "run"
    printed, _ = glassgpt("train", words, *TINY, "-q", "--out", run)
    monkeypatch.setenv("GLASSGPT_KERNEL", str(tmp_path))
    for command in (
        ("train", words, *TINY, "-q"),
        ("sample", run),
        ("inspect", run, "--data", words),
        ("sweep", words, *TINY),
        ("train", words, "--resume", run, "-q"),
    ):
        out, err = glassgpt(*command)
        assert "note: the fast engine's kernel cannot be loaded" in err, command
        assert command[0] != "sample" or out == printed


def test_a_full_disk_under_the_log_is_a_sentence(words: Path) -> None:
    _, err = glassgpt("train", words, *TINY, "--log", "/dev/full", check=1)
    assert "error: '/dev/full' cannot be written: No space left on device" in err
    assert Path("/dev/full").is_char_device()


# -- saving and continuing


def test_sample_prints_what_train_would_have_printed(words: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    printed, _ = glassgpt("train", words, *TINY, "--temperature", "0.9", "-q")
    assert glassgpt("train", words, *TINY, "--samples", "0", "--out", run, "-q") == ("", "")
    assert glassgpt("sample", run, "--temperature", "0.9")[0] == printed
    assert glassgpt("sample", run, "--temperature", "0.9")[0] == printed  # it only reads
    seeded = glassgpt("sample", run, "--seed", "3", "--prefix", "so", "-n", "5")[0]
    assert seeded == glassgpt("sample", run, "--seed", "3", "--prefix", "so", "-n", "5")[0]
    assert all(line.startswith("so") for line in seeded.splitlines())


def test_ctrl_c_keeps_the_run_and_resuming_ends_with_the_same_bits(
    words: Path, tmp_path: Path
) -> None:
    run, whole = tmp_path / "run", tmp_path / "whole"
    options = ("--engine", "scalar", *TINY[:4], "--steps", "300", "--out")
    process = start(words, *options, run)
    wait_for(run / "checkpoint.safetensors", process)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130, err
    assert f"continue with: glassgpt train {words} --resume {run}" in err
    step = load_checkpoint(run).step
    assert f"stopped after step {step} of 300" in err
    assert 0 < step < 300
    resumed, _ = glassgpt("train", words, "--resume", run, "-q")
    printed, _ = glassgpt("train", words, *options, whole, "-q")
    assert resumed == printed
    name = "checkpoint.safetensors"
    assert (run / name).read_bytes() == (whole / name).read_bytes()


def test_kill_minus_nine_at_any_moment_leaves_a_whole_checkpoint(
    words: Path, tmp_path: Path
) -> None:
    run = tmp_path / "run"
    last = 0
    process = start(words, "--engine", "scalar", *TINY[:4], "--steps", "9000", "--out", run)
    for wait in (0.0, 0.05, 0.11, 0.17):
        wait_for(run / "checkpoint.safetensors", process)
        time.sleep(0.2 + wait)
        process.kill()
        process.communicate(timeout=60)
        step = load_checkpoint(run).step
        assert step >= last
        last = step
        process = start(words, "--resume", run)
    process.kill()
    process.communicate(timeout=60)
    assert last > 0


def test_more_steps_than_planned_lift_the_rate_and_fewer_are_refused(
    words: Path, tmp_path: Path
) -> None:
    run, log = tmp_path / "run", tmp_path / "run.jsonl"
    glassgpt("train", words, *TINY, "--out", run, "--log", log)
    out, _ = glassgpt("train", words, "--resume", run, "--log", log)  # nothing left: samples again
    assert "20  steps taken of 20" in out
    glassgpt("train", words, "--resume", run, "--steps", "40", "--log", log)
    rates = [json.loads(line)["lr"] for line in log.read_text().splitlines()]
    assert rates[:20] == [0.01 * (1 - s / 20) for s in range(20)]
    assert rates[20:] == [0.01 * (1 - s / 40) for s in range(20, 40)]
    _, err = glassgpt("train", words, "--resume", run, "--steps", "39", check=1)
    assert "has already taken 40 steps, so it cannot end after 39" in err


def test_resuming_accepts_new_live_settings_and_refuses_others(words: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    glassgpt("train", words, *TINY, "--out", run)
    _, err = glassgpt("train", words, "--resume", run, "--n-embd", "8", check=1)
    assert "n_embd cannot change during a run" in err
    glassgpt("train", words, "--resume", run, "--steps", "25", "--learning-rate", "0.5")
    config = load_checkpoint(run).config
    assert (config.num_steps, config.learning_rate) == (25, 0.5)


def test_resuming_on_other_data_is_refused(words: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    glassgpt("train", words, *TINY, "--out", run)
    other = tmp_path / "other.txt"
    other.write_text(WORDS + "zoe\n")
    _, err = glassgpt("train", other, "--resume", run, check=1)
    assert "was trained on 'words.txt', not on" in err
    _, err = glassgpt("train", "--resume", run, check=1)
    assert "was trained on 'words.txt', whose text is not here" in err


def test_a_saved_model_is_not_overwritten_without_the_option(words: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    glassgpt("train", words, *TINY, "--out", run)
    _, err = glassgpt("train", words, *TINY, "--out", run, check=1)
    assert "already holds a model" in err
    glassgpt("train", words, *TINY, "--out", run, "--overwrite")


def test_a_disk_that_fills_up_keeps_the_checkpoint_before(words: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    glassgpt("train", words, *TINY, "--out", run)
    before = (run / "checkpoint.safetensors").read_bytes()

    def small_files() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))

    command: list[str | Path] = [sys.executable, "-m", "glassgpt", "train", words, "--resume", run]
    command += ["--steps", "30"]
    done = subprocess.run(
        command, preexec_fn=small_files, capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert "cannot be written: File too large" in done.stderr
    assert (run / "checkpoint.safetensors").read_bytes() == before


def test_divergence_is_a_sentence_and_keeps_the_state_before_it(
    words: Path, tmp_path: Path
) -> None:
    run, log = tmp_path / "run", tmp_path / "run.jsonl"
    _, err = glassgpt("train", words, "--learning-rate", "1", "--out", run, "--log", log, check=1)
    match = re.search(r"training stopped at step (\d+) \(document '(\w+)'\): .* at (\S+)", err)
    assert match, err
    assert load_checkpoint(run).step == int(match[1]) - 1
    assert len(log.read_text().splitlines()) == int(match[1]) - 1


# -- looking inside


def test_inspect_shows_matrices_settings_and_losses(words: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    glassgpt("train", words, *TINY, "--out", run)
    out, _ = glassgpt("inspect", run, "--data", words)
    assert re.search(r"^layer0\.mlp_fc1 +16 × 4 +64( +[+-]\d\.\d{4}){4}$", out, re.M)
    for fact in ("n_embd +4", "step +20 of 20", "trained on +words.txt", "parameters +352"):
        assert re.search(fact, out), fact
    for name in ("uniform", "unigram", "bigram", "trigram", "validation"):
        assert re.search(rf"^{name} +\d\.\d{{4}}", out, re.M)
    assert re.search(r"the texts of \d+ of them have already been used for training", out)


def test_inspect_without_the_data_says_how_to_see_losses(words: Path, tmp_path: Path) -> None:
    glassgpt("train", words, *TINY, "--out", tmp_path / "run")
    out, _ = glassgpt("inspect", tmp_path / "run")
    assert "no losses: the run was trained on 'words.txt'" in out


# -- mistakes

MISTAKES = {
    "missing file": (("train", "nowhere.txt"), "there is no file 'nowhere.txt'"),
    "directory": (("train", "."), "is a directory, not a text file"),
    "empty": (("train", "-"), "standard input has no documents"),
    "heads": (
        ("train", "--n-embd", "10"),
        "n_embd is 10, but must be a multiple of n_head, which is 4",
    ),
    "no link": (("train", "--link", "xyz"), "the link has 'xyz', which is neither a setting"),
    "unknown": (("train", "--link", "#steps=9"), "the link has 'steps', which is neither"),
    "zero": (("train", "--n-layer", "0"), "n_layer is 0, but must be between 1 and 64"),
    "negative": (("train", "--steps", "-5"), "steps is -5, but must be between 1 and"),
    "huge": (("train", "--n-embd", "999999"), "n_embd is 999999, but must be between"),
    "not a number": (("train", "--n-embd", "wide"), "'wide' is not a whole number, such as 16"),
    "many nodes": (
        ("train", "--engine", "scalar", "--n-embd", "512"),
        "the limit of the scalar engine is 2,000,000",
    ),
    "cold": (("train", "--temperature", "-1"), "temperature is -1.0, but must be between"),
    "NaN": (("train", "--temperature", "nan"), "temperature is nan, but must be between"),
    "prefix": (("train", "--prefix", "Émile"), "the character 'É' (U+00C9) of 'Émile'"),
    "no room": (
        ("train", "--prefix", "a" * 16),
        "the prefix has 16 characters, but the context leaves",
    ),
    "unknown command": (("trian",), "No such command 'trian'"),
    "unknown option": (("train", "--layers", "2"), "No such option"),
    "no checkpoint": (("sample", "nowhere"), "there is no checkpoint at 'nowhere'"),
    "foreign": (("inspect", sys.executable), "is a program, not a GlassGPT checkpoint"),
}


@pytest.mark.parametrize(("arguments", "sentence"), MISTAKES.values(), ids=MISTAKES.keys())
def test_a_mistake_gets_a_sentence_and_exit_code_one(
    arguments: tuple[str, ...], sentence: str
) -> None:
    out, err = glassgpt(*arguments, check=1)
    assert sentence in err.replace("\n", " ")
    assert "Traceback" not in err
    assert out == ""


def test_undecodable_bytes_say_where(tmp_path: Path) -> None:
    path = tmp_path / "latin.txt"
    path.write_bytes("emma\nrené\n".encode("latin-1"))
    _, err = glassgpt("train", path, check=1)
    assert "byte 0xe9 at offset 8 (line 2)" in err
    assert "iconv" in err


def test_a_note_says_what_the_context_cuts_off(words: Path) -> None:
    out, _ = glassgpt("train", words, *TINY, "--block-size", "5")
    assert "3 documents of 5 are longer than the context: only the first 5 characters" in out
    assert "the longest has 8 characters: 'isabella'" in out


def test_a_closed_pipe_ends_quietly_and_keeps_the_model(words: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    command = f"{sys.executable} -m glassgpt train {words} --steps 40 --out {run} | head -n 5"
    done = subprocess.run(
        command, shell=True, capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout.startswith("documents")
    assert done.stderr == ""
    assert load_checkpoint(run).step > 0


def test_the_engines_can_be_chosen(words: Path) -> None:
    outputs = {glassgpt("train", words, *TINY, "-q", "--engine", engine)[0] for engine in ENGINES}
    assert len(outputs) == 1
