"""scalar.py run by itself: its numbers, its length, and its agreement with the package."""

from __future__ import annotations

import ast
import dataclasses
import inspect
import random
import re
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from glassgpt import Config, Sampling, builtin_names
from glassgpt.arrays import numbers
from glassgpt.engines import scalar
from glassgpt.model import parameters
from glassgpt.model.tokenizer import Tokenizer
from tests.conftest import Reference
from tests.support import models, oracle

FILE = Path(scalar.__file__)


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-W", "error", "-m", "glassgpt.engines.scalar", *arguments]
    return subprocess.run(command, capture_output=True, text=True, encoding="utf-8")


def printed(*arguments: str) -> tuple[list[float], list[str]]:
    """The losses and the samples that it prints."""
    done = run(*arguments)
    assert (done.returncode, done.stderr) == (0, "")
    losses = re.findall(r"^step \d+ of \d+: loss (.+)$", done.stdout, re.MULTILINE)
    samples = re.findall(r"^sample \d+: (.*)$", done.stdout, re.MULTILINE)
    assert len(done.stdout.splitlines()) == len(losses) + len(samples)
    return [float(loss) for loss in losses], samples


def test_it_trains_on_the_built_in_names_as_the_oracle_does() -> None:
    wanted = oracle.train_quickly(builtin_names(), 3, num_steps=3)
    assert printed("3") == (wanted.losses, wanted.samples)


def test_it_trains_on_a_file_as_the_oracle_does(tmp_path: Path) -> None:
    file, documents = tmp_path / "words", ["häuser", "a line longer than the context", "ab", "b"]
    file.write_text("\n".join(["", *documents, " "]), encoding="utf-8")
    wanted = oracle.train_quickly(documents, 5, num_steps=5)
    assert printed("5", str(file)) == (wanted.losses, wanted.samples)


@pytest.mark.slow
def test_it_equals_the_recorded_run(reference: Reference, tmp_path: Path) -> None:
    file = tmp_path / "names"
    file.write_text("\n".join(reference.documents), encoding="utf-8")
    assert printed("1000", str(file)) == (reference.losses, reference.samples)


def test_a_file_that_is_not_text_is_refused_with_the_rule(tmp_path: Path) -> None:
    (tmp_path / "blank").write_text(" \n\n")
    (tmp_path / "bytes").write_bytes(b"\xff\xfe\xfd")
    for name, rule in [
        ("absent", "must be a text in UTF-8, one document a line"),
        ("bytes", "must be a text in UTF-8, one document a line"),
        ("blank", "must have a line that is not blank"),
    ]:
        done = run("1", str(tmp_path / name))
        assert done.returncode == 2
        assert rule in done.stderr
        assert "Traceback" not in done.stderr


def test_it_has_at_most_250_lines_that_are_not_blank_and_no_type_ignore() -> None:
    text = FILE.read_text(encoding="utf-8")
    assert sum(1 for line in text.splitlines() if line.strip()) <= 250
    assert "type: ignore" not in text


def test_it_imports_the_standard_library_only() -> None:
    imported: set[str] = set()
    for node in ast.walk(ast.parse(FILE.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            imported.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            imported.add(node.module or ".")
    assert imported
    assert {name.partition(".")[0] for name in imported} <= sys.stdlib_module_names


@given(st.lists(st.text("abcxyzä ", min_size=1, max_size=9), min_size=1, max_size=4))
def test_its_tokens_are_those_of_the_tokenizer(documents: list[str]) -> None:
    tokenizer = Tokenizer.of(documents)
    for document in documents:
        tokens = scalar.encode(document, sorted(set().union(*documents)))
        assert tokens == tokenizer.encode_document(document)


@given(config=models.configs(), vocab_size=st.integers(2, 9))
def test_its_first_weights_are_those_of_a_run(config: Config, vocab_size: int) -> None:
    sizes = scalar.Sizes(config.n_layer, config.n_embd, config.n_head, config.block_size)
    ours = scalar.initial_weights(sizes, vocab_size, random.Random(config.seed))
    usual = dataclasses.replace(config, init_std=Config().init_std)
    wanted = parameters.initial(usual, vocab_size, random.Random(config.seed))
    found = {name: [p.data for row in matrix for p in row] for name, matrix in ours.items()}
    assert list(found) == list(wanted)
    assert found == {name: numbers(a) for name, a in wanted.items()}


def test_its_settings_are_the_defaults() -> None:
    usual = Config()
    assert scalar.Sizes._asdict(scalar.Sizes()) == {
        name: getattr(usual, name) for name in scalar.Sizes._fields
    }
    adam = inspect.signature(scalar.adam).parameters
    for name in ("beta1", "beta2", "eps"):
        assert adam[name].default == getattr(usual, name)
    text = inspect.getsource(scalar.main) + inspect.getsource(scalar.sample)
    assert f"rate={usual.learning_rate} *" in text
    assert f"random.Random({usual.seed})" in text
    assert f"default={usual.num_steps})" in text
    assert f"temperature = len(characters), {Sampling().temperature} " in text
    assert f"range({Sampling().num_samples})" in text
