"""The shape of the project: its layers, its public names, its examples."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

import glassgpt
from glassgpt.live.new_run import Source
from glassgpt.live.saved_script import script
from glassgpt.live.workspace import Workspace
from glassgpt.training.recipe_text import read

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


def public_modules() -> set[str]:
    """The modules that the guide to Python calls public."""
    guide = (ROOT / "docs" / "guides" / "python.md").read_text(encoding="utf-8")
    return set(re.findall(r"^- `(glassgpt\.[\w.]+)`", guide, re.M))


def private_names(source: str) -> set[str]:
    """The imports of a source from the package that are neither in `__all__` nor public modules."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names if alias.name.startswith("glassgpt.")}
        elif isinstance(node, ast.ImportFrom) and node.module == "glassgpt":
            found |= {alias.name for alias in node.names if alias.name not in glassgpt.__all__}
        elif isinstance(node, ast.ImportFrom) and str(node.module).startswith("glassgpt."):
            found.add(str(node.module))
        elif isinstance(node, ast.Attribute) and ast.unparse(node.value) == "glassgpt":
            found |= {node.attr} - set(glassgpt.__all__)
    return found - public_modules()


def test_a_private_name_is_found() -> None:
    source = "import glassgpt.arrays\nfrom glassgpt import train, History\nglassgpt.cli.main()"
    assert private_names(source) == {"glassgpt.arrays", "History", "cli"}


def test_public_modules_exist_and_say_what_they_are() -> None:
    assert public_modules()
    for name in public_modules():
        assert import_module(name).__doc__, name


@pytest.mark.parametrize("page", sorted(ROOT.glob("docs/**/*.md")), ids=lambda p: p.name)
def test_documentation_uses_public_names_only(page: Path) -> None:
    for source in re.findall(r"^```python\n(.*?)^```", page.read_text("utf-8"), re.M | re.S):
        assert not private_names(source)


@pytest.mark.parametrize("documents", [1, 10_000])
def test_a_saved_script_uses_public_names_only(documents: int) -> None:
    source = Source("texts", ("anna", "otto", "a long text") * documents)
    every_kind = "0:learning_rate=0.02;1:wte[0,0]=0.5;1:head0.1!;2:~head0.1"
    workspace = Workspace(source, glassgpt.Config(), interventions=read(every_kind))
    workspace.history.advance(3)
    written = script(workspace).decode()
    imported = set(re.findall(r"\w+", written.partition("from glassgpt import ")[2].split("\n")[0]))
    assert {"Edit", "StopAblating", "Session", "Ablate", "Tune"} <= imported
    assert ("fingerprint" in imported) == (documents > 1)
    assert not private_names(written)


@pytest.mark.parametrize("example", sorted((ROOT / "examples").glob("*.py")), ids=lambda p: p.name)
def test_examples_run_and_use_public_names_only(example: Path, tmp_path: Path) -> None:
    assert not private_names(example.read_text(encoding="utf-8"))
    done = subprocess.run(
        [sys.executable, example], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout


# -- sizes

MOST_LINES = 300
MOST_METHODS = 15
SOURCES = [path for path in (ROOT / "src").rglob("*.py") if path.name != "__init__.py"]


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.stem)
def test_a_module_can_be_read_at_one_go(path: Path) -> None:
    text = path.read_text("utf-8")
    assert len(text.splitlines()) <= MOST_LINES
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.ClassDef):
            methods = [getattr(one, "name", "") for one in node.body if _is_public_method(one)]
            assert len(methods) <= MOST_METHODS, f"{node.name}: {methods}"


def _is_public_method(node: ast.stmt) -> bool:
    """Whether it is a method that is called, not a property."""
    if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) or node.name.startswith("_"):
        return False
    return not any("property" in ast.unparse(one) for one in node.decorator_list)
