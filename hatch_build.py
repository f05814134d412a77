"""What a build of the package makes besides copying files: the page, and the kernel.

With GLASSGPT_SITE set also Python for the browser.
Node, which builds the page, comes from the system, or from PyPI where it is missing or too old. A
compiler comes from the system, or from the PyPI package ziglang where there is none. Where
neither can be had the package is built without it, and the scalar engine serves.
"""

from __future__ import annotations

import os
import sys
import sysconfig
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

sys.path.insert(0, str(Path(__file__).parent))
from tools import build_kernel, build_page, build_python


class GlassBuild(BuildHookInterface):  # type: ignore[type-arg]
    """The hook. GLASSGPT_TARGET names another platform than this one, to build its wheel here.

    With GLASSGPT_SITE the wheel also has what `glassgpt site` copies: six megabytes, for which the
    build needs a compiler of a hundred.
    """

    @property
    def target(self) -> str:
        """The platform to build for."""
        return os.environ.get("GLASSGPT_TARGET", build_kernel.host())

    def dependencies(self) -> list[str]:
        """Return what this build needs from PyPI."""
        site = [*build_python.REQUIREMENTS, *build_page.node()] if self._with_site else []
        return [*build_page.requirements(), *self._compiler(), *site]

    @property
    def _with_site(self) -> bool:
        return self.target_name == "wheel" and "GLASSGPT_SITE" in os.environ

    def _compiler(self) -> list[str]:
        foreign = self.target != build_kernel.host()
        if self.target in build_kernel.TARGETS and (foreign or not build_kernel.system_compiler()):
            return ["ziglang==0.17.1"]
        return []

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:  # noqa: ARG002
        """Build the page; for a wheel the kernel too, and tag it by the platform it is for."""
        if not build_page.is_fresh():
            build_page.build()
        if self._with_site:
            build_python.build()
        build_data["artifacts"] += ["/src/glassgpt/static/**", "/src/glassgpt/pyodide/**"]
        if self.target_name != "wheel":
            return
        try:
            library = build_kernel.build(self.target, build_kernel.SOURCES)
        except RuntimeError as error:
            if "GLASSGPT_TARGET" in os.environ:
                raise  # whoever names a platform wants its kernel
            self.app.display_warning(
                f"the fast engine cannot be built, so the scalar engine will serve: {error}"
            )
            return
        build_data["artifacts"].append(f"/{library.relative_to(self.root)}")
        build_data["pure_python"] = False
        tag = build_kernel.TARGETS[self.target].wheel
        if "GLASSGPT_TARGET" not in os.environ:  # made by and for this very system
            tag = sysconfig.get_platform().replace("-", "_").replace(".", "_")
        build_data["tag"] = f"py3-none-{tag}"
