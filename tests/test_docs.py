"""The documentation is current: its examples run, and its links have targets."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from tools import gen_api

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted(ROOT.glob("docs/**/*.md"))]
pages = pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)


def blocks(page: Path, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", page.read_text(), re.M | re.S)


@pages
def test_commands_run(page: Path, tmp_path: Path) -> None:
    (tmp_path / "poems.txt").write_text("a rose is a rose\nis a rose\n" * 5)
    for line in "".join(blocks(page, "sh")).splitlines():
        name, *arguments = shlex.split(line, comments=True)
        if name != "glassgpt":
            continue  # README's two commands set everything up; .ci/run runs them
        done = subprocess.run(
            [sys.executable, "-m", "glassgpt", *arguments],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, f"{line}\n{done.stderr}"


@pages
def test_python_runs(page: Path, tmp_path: Path) -> None:
    for source in blocks(page, "python"):
        done = subprocess.run(
            [sys.executable, "-c", source],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr


@pages
def test_links_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#]+)", page.read_text()):
        assert target.startswith("https://") or (page.parent / target).exists(), target


def test_the_reference_equals_the_docstrings() -> None:
    assert gen_api.TARGET.read_text(encoding="utf-8") == gen_api.page(), "python -m tools.gen_api"


def test_no_file_names_a_machines_path() -> None:
    listed = subprocess.run(
        ["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    if listed.returncode:
        pytest.skip("this is no git checkout")
    home = re.escape(str(Path.home())) + r"/|/home/\w+/|/Users/\w+/"
    for name in listed.stdout.splitlines():
        path = ROOT / name
        if path.suffix in {".py", ".md", ".toml", ".json", ".yml", ".svg", ""} and path.is_file():
            assert not re.search(home, path.read_text(encoding="utf-8")), name
