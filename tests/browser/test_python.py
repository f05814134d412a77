"""Python for the browser, as `tools/build_python.py` builds it."""

from __future__ import annotations

import gzip
import io
import json
import zipfile
from pathlib import Path

import pytest

from glassgpt.browser.site import PACKAGE, PYTHON
from tests.conftest import need_python_for_the_browser

LIMIT = 5.8e6  # bytes of the packed files and of the loader, which hosts pack; 5.6e6 with zopfli


@pytest.fixture
def python() -> Path:
    need_python_for_the_browser()
    return PYTHON


def unpacked(path: Path) -> zipfile.ZipFile:
    return zipfile.ZipFile(io.BytesIO(gzip.decompress(path.read_bytes())))


def test_a_visitor_loads_little(python: Path) -> None:
    sizes = json.loads((python / "manifest.json").read_text())["sizes"]
    packed = {path.name: path.stat().st_size for path in python.glob("*.gz")}
    assert sizes.items() <= packed.items()
    loader = sum(len(gzip.compress(path.read_bytes())) for path in python.glob("*.mjs"))
    assert sum(packed.values()) + loader < LIMIT


def test_it_has_every_module_of_the_package_but_server_and_terminal(python: Path) -> None:
    names = set(unpacked(python / "packages.zip.gz").namelist())
    for path in PACKAGE.rglob("*.py"):
        module = path.relative_to(PACKAGE.parent)
        outside = {"server", "cli", "notebook.py", "pyodide"} & set(module.parts)
        assert (f"{module.as_posix()}c" in names) != bool(outside), module
    assert "glassgpt/engines/kernel/libglass.so" in names
    assert "glassgpt/engines/scalar.py" in names  # its lines are shown


def test_the_library_has_no_module_of_the_terminal(python: Path) -> None:
    names = set(unpacked(python / "library.zip.gz").namelist())
    assert {"json/__init__.pyc", "ctypes/__init__.pyc"} <= names
    assert not {"unittest/__init__.pyc", "pydoc.pyc", "turtle.pyc"} & names
