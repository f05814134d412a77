"""The shape of the project: its layers, its public names, its examples."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import glassgpt

ROOT = Path(__file__).parents[1]


def test_imports_run_one_way() -> None:
    done = subprocess.run(
        [Path(sys.executable).with_name("lint-imports")],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout


def test_every_public_name_exists_and_says_what_it_is() -> None:
    assert sorted(glassgpt.__all__) == glassgpt.__all__
    for name in glassgpt.__all__:
        thing = getattr(glassgpt, name)
        assert name == "__version__" or thing.__doc__, name


def test_importing_the_package_needs_no_host_library() -> None:
    hosts = {"click", "rich", "numpy", "matplotlib"}
    code = f"import sys, glassgpt; print({hosts} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


@pytest.mark.parametrize("example", sorted((ROOT / "examples").glob("*.py")), ids=lambda p: p.name)
def test_examples_run_and_use_public_names_only(example: Path, tmp_path: Path) -> None:
    source = example.read_text(encoding="utf-8")
    assert "from glassgpt." not in source
    assert "import glassgpt." not in source
    done = subprocess.run(
        [sys.executable, example], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout
