from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from dataclasses import replace
from itertools import islice
from pathlib import Path

import pytest

from glassgpt import Config, Session
from glassgpt.analysis.sweep import Result, estimate, grid, parse_axis, parse_grid, run_all, train
from glassgpt.errors import ConfigError
from tests.support.command import WORDS, glassgpt

SMALL = Config(n_embd=4, n_head=2, num_steps=30)
DOCUMENTS = WORDS.split()


def test_train_is_the_run_of_a_session() -> None:
    result = train(SMALL, DOCUMENTS)
    losses = Session(SMALL, DOCUMENTS).run().losses
    assert result.loss == pytest.approx(sum(losses) / 30)
    assert (result.config, result.stopped, result.unseen) == (SMALL, "", False)


def test_a_divergence_is_a_result_that_says_so() -> None:
    result = train(Config(learning_rate=1.0), ["a"])
    assert "training stopped at step 3 (document 'a')" in result.stopped
    assert result.loss != result.loss  # NaN
    assert Result.from_json(json.loads(json.dumps(result.to_json()))).stopped == result.stopped


def test_a_result_survives_json() -> None:
    result = train(SMALL, DOCUMENTS)
    assert Result.from_json(json.loads(json.dumps(result.to_json()))) == result


def test_a_grid_is_every_combination_with_every_seed() -> None:
    configs = grid(SMALL, {"learning_rate": [0.1, 0.2], "n_layer": [1, 2, 3]}, seeds=4)
    assert len(set(configs)) == 24
    assert {config.seed for config in configs} == {42, 43, 44, 45}
    assert grid(SMALL, {}) == [SMALL]
    assert [c.seed for c in grid(SMALL, {"seed": [7, 9]})] == [7, 9]


def test_an_axis_is_a_settings_name_and_values_within_bounds() -> None:
    assert parse_axis("learning-rate=0.003,1e-2") == ("learning_rate", [0.003, 0.01])
    assert parse_axis("steps=10,20") == ("num_steps", [10, 20])
    for text, sentence in {
        "wings=2": "'wings' is not a setting",
        "n_layer": "n_layer has no value\nhint: write for instance n_layer=1,2",
        "n_embd=": "n_embd has no value\nhint: write for instance n_embd=16,32",
        "n_layer=1,two": "n_layer='two' is not a whole number\nhint: .* n_layer=1,2",
        "n_embd=16.5": "n_embd='16.5' is not a whole number\nhint: .* n_embd=16,32",
        "beta1=,": "beta1='' is not a number\nhint: .* beta1=0.85,0.9999",
        "n_layer=0": "n_layer is 0, but must be between",
    }.items():
        with pytest.raises(ConfigError, match=sentence):
            parse_axis(text)


def test_a_grid_names_each_setting_and_value_once() -> None:
    assert parse_grid(["n_layer=1,2", "steps=5"]) == {"n_layer": [1, 2], "num_steps": [5]}
    for axes, sentence in (
        (["n_layer=1", "n_layer=2"], "the grid gives n_layer twice"),
        (["n_embd=16,32,16"], "the grid gives n_embd=16 twice"),
    ):
        with pytest.raises(ConfigError, match=sentence):
            parse_grid(axes)


def test_results_of_processes_are_those_of_this_one() -> None:
    configs = grid(SMALL, {}, seeds=5)
    results = [r for r in run_all(configs, DOCUMENTS, jobs=2) if isinstance(r, Result)]
    found = {r.config: replace(r, seconds=0) for r in results}
    assert found == {c: replace(train(c, DOCUMENTS), seconds=0) for c in configs}


def test_closing_early_ends_the_unfinished_runs() -> None:
    began = time.perf_counter()
    slow = Config(num_steps=40)
    results = run_all(grid(slow, {}, seeds=200), DOCUMENTS, engine="scalar", jobs=2)
    assert len(list(islice(results, 1))) == 1
    results.close()  # type: ignore[attr-defined]
    assert time.perf_counter() - began < 60


def test_sweep_prints_a_table_and_continues_from_its_file(tmp_path: Path) -> None:
    words, book = tmp_path / "words.txt", tmp_path / "sweep.jsonl"
    words.write_text(WORDS)
    command: list[str | Path] = [
        "sweep",
        words,
        "--grid",
        "learning_rate=0.003,0.01",
        "--seeds",
        "3",
    ]
    command += ["--steps", "20", "--n-embd", "8", "--out", book]
    out, err = glassgpt(*command)
    rows = out.splitlines()
    assert rows[0].split()[:2] == ["learning_rate", "validation"]
    assert all("±" in row for row in rows[1:3])
    assert rows[3] == ""
    lines = book.read_text().splitlines()
    assert len(lines) == 6
    book.write_text("\n".join(lines[:4]) + "\n" + lines[4][:20])  # as a kill leaves it
    again, err = glassgpt(*command)
    assert "4 known" in err
    assert [row.split()[:3] for row in again.splitlines()] == [row.split()[:3] for row in rows]
    assert len(book.read_text().splitlines()) == 6


def test_numbers_that_may_be_one_with_a_decimal_comma_are_refused() -> None:
    for text, hint in (
        ("learning_rate=0,005", "write 0.005 for one number; for two, 0.0,5.0"),
        ("init_std=0.1,1,5", "write 1.5 for one number; for two, 1.0,5.0"),
    ):
        with pytest.raises(ConfigError, match="may be one number or two") as refused:
            parse_axis(text)
        assert refused.value.hint == hint
    assert parse_axis("learning_rate=0.0,5.0") == ("learning_rate", [0, 5])
    assert parse_axis("n_embd=16,32") == ("n_embd", [16, 32])


def test_seeds_are_listed_or_counted_and_end_at_the_largest() -> None:
    with pytest.raises(ConfigError, match="so --seeds 5 cannot be given too"):
        grid(SMALL, {"seed": [7, 9]}, seeds=5)
    with pytest.raises(ConfigError, match="3 seeds from 4294967295 on exceed") as refused:
        grid(replace(SMALL, seed=2**32 - 1), {}, seeds=3)
    assert "--seed 4294967293" in refused.value.hint
    assert len(grid(replace(SMALL, seed=2**32 - 3), {}, seeds=3)) == 3


def test_a_sweep_of_a_million_runs_says_how_many_and_how_long() -> None:
    _, err = glassgpt("sweep", "--seeds", "1000000", "--jobs", "2", check=1)
    assert "1,000,000 runs, more than --max-runs 10000; with 2 jobs it would take about" in err
    assert "give --max-runs 1000000 to run it all" in err


def test_an_estimate_counts_the_beginning_the_steps_and_the_evaluation(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    clock = 0.0

    def takes(seconds: float) -> None:
        nonlocal clock
        clock += seconds

    monkeypatch.setattr("time.perf_counter", lambda: clock)
    monkeypatch.setattr("glassgpt.analysis.sweep.seen_count", lambda *_: takes(7))
    loss = "glassgpt.analysis.sweep.validation_loss"
    monkeypatch.setattr(loss, lambda _, some: takes(0.5 * len(some)))
    monkeypatch.setattr(Session, "run", lambda _, steps: takes(2 * steps))
    for steps, count in ((1000, 5000), (3, 10)):
        documents = [f"name {i}" for i in range(count)]
        about = estimate(replace(SMALL, num_steps=steps), documents, "")
        assert about == pytest.approx(7 + 2 * steps + 0.5 * count / 10)


def test_a_sweep_never_writes_into_another_file(tmp_path: Path) -> None:
    words = tmp_path / "words.txt"
    words.write_text(WORDS)
    _, err = glassgpt("sweep", words, "--steps", "5", "--out", words, check=1)
    assert "exists and is not a sweep (line 1)" in err
    assert words.read_text() == WORDS


def test_ctrl_c_keeps_what_is_done(tmp_path: Path) -> None:
    book = tmp_path / "sweep.jsonl"
    command = [sys.executable, "-m", "glassgpt", "sweep", "--seeds", "1000", "--steps", "20"]
    command += ["--engine", "scalar", "--n-embd", "4", "--block-size", "4", "--out", str(book)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    for _ in range(600):
        if book.exists() and book.read_text().count("\n") >= 2:
            break
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 130, err
    assert "Traceback" not in err
    assert f"of 1,000 runs; the same command continues from {str(book)!r}" in err
    assert "validation" in out  # the table of those that are done
    for line in book.read_text().splitlines():
        assert Result.from_json(json.loads(line)).config.n_embd == 4
