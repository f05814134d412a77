"""Build Python for the browser: `src/glassgpt/pyodide/`, which `glassgpt site` copies.

    python -m tools.build_python

It takes Pyodide from npm, msgspec's wheel for it from PyPI, and compiles the kernel as WebAssembly,
for which it needs the PyPI packages in REQUIREMENTS. The files:

    pyodide.mjs, pyodide.asm.mjs   Pyodide's loader, as npm has it
    python.wasm.gz                 the interpreter
    library.zip.gz                 the modules of the standard library that a run needs
    packages.zip.gz                this package, msgspec and the kernel
    glass.wasm.gz, first.bin.gz    the kernel and the run at step 0, until Python is there
    manifest.json                  the bytes of Python's packed files, and Pyodide's version
"""

from __future__ import annotations

import gzip
import json
import shutil
import subprocess
import sys
import tempfile
import zipfile
from importlib.util import find_spec
from pathlib import Path

from tools import build_kernel, build_page

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "src" / "glassgpt"
TARGET = PACKAGE / "pyodide"
NPM = ROOT / "web" / "node_modules" / "pyodide"
WHEEL = ["--platform", "pyemscripten_2026_0_wasm32", "--python-version", "3.14", "--abi", "cp314"]
MSGSPEC = "msgspec==0.22.0"
REQUIREMENTS = ["pip", "ziglang==0.17.1", "zopfli==0.4.3"]  # the last for releases only
PYTHON = ("library.zip", "packages.zip")
PRELUDE = ("glass.wasm", "first.bin")
LOADER = ("pyodide.mjs", "pyodide.asm.mjs")
NOT_IN_A_BROWSER = ("server", "cli", "notebook.py", "static", "pyodide", "kernel", "__pycache__")


def build() -> None:
    """Build into a fresh folder, then put it in the place of the old one."""
    if not NPM.exists():
        build_page.install()
    with tempfile.TemporaryDirectory(dir=ROOT / "web") as temporary:
        into, out, made = (Path(temporary) / name for name in ("in", "out", "pyodide"))
        for folder in (into, out, made):
            folder.mkdir()
        _gather(into)
        pack = [*build_page.npm(), "run", "--silent", "python", "--", str(into), str(out)]
        subprocess.run(pack, cwd=ROOT / "web", check=True)
        for name in LOADER:
            shutil.copyfile(NPM / name, made / name)
        _compress(NPM / "pyodide.asm.wasm", made / "python.wasm.gz")
        build_kernel.build("wasm32-bare", out)
        for name in (*PYTHON, *PRELUDE):
            _compress(out / name, made / f"{name}.gz")
        packed = [made / f"{name}.gz" for name in ("python.wasm", *PYTHON)]
        sizes = {path.name: path.stat().st_size for path in packed}
        info = json.loads((NPM / "pyodide-lock.json").read_text("utf-8"))["info"]
        manifest = {"lock": {"info": info, "packages": {}}, "sizes": sizes}
        (made / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")
        shutil.rmtree(TARGET, ignore_errors=True)
        made.rename(TARGET)


def _gather(into: Path) -> None:
    """Copy everything that the browser's Python imports besides the standard library."""
    ignored = shutil.ignore_patterns(*NOT_IN_A_BROWSER, "*.so", "*.dylib", "*.dll")
    shutil.copytree(PACKAGE, into / "glassgpt", ignore=ignored)
    kernel = into / "glassgpt" / "engines" / "kernel"
    build_kernel.build("wasm32", kernel)
    shutil.copytree(ROOT / "tests" / "support", into / "tests" / "support")
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "download", "--quiet"]
    subprocess.run(
        [*pip, "--no-deps", "--only-binary=:all:", *WHEEL, "--dest", str(into), MSGSPEC], check=True
    )
    (wheel,) = into.glob("msgspec-*.whl")
    with zipfile.ZipFile(wheel) as archive:
        names = [name for name in archive.namelist() if not name.endswith(".pyi")]
        archive.extractall(into, [name for name in names if name.startswith("msgspec/")])
    wheel.unlink()


def _compress(source: Path, target: Path) -> None:
    """Pack a file; with the package zopfli by 3 % more, which takes half a minute."""
    content = source.read_bytes()
    if find_spec("zopfli") is None:
        target.write_bytes(gzip.compress(content, 9, mtime=0))
        return
    import zopfli.gzip

    target.write_bytes(zopfli.gzip.compress(content, numiterations=1))


if __name__ == "__main__":
    build()
