"""Compile the fast engine's kernel: a shared library that holds it once for each instruction set.

    uv run python tools/build_kernel.py                  for this machine, into the package
    uv run python tools/build_kernel.py wasm32 OUT       cross-compiled, by the PyPI package ziglang
    uv run python tools/build_kernel.py host OUT -g -fsanitize=address,undefined

The library calls no libc, so one file serves every Linux of its processor. The build hook
(hatch_build.py) imports this file; it needs the standard library only.
"""

from __future__ import annotations

import concurrent.futures
import os
import platform
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

SOURCES = Path(__file__).parents[1] / "src" / "glassgpt" / "engines" / "kernel"

FLAGS = [
    "-std=gnu11", "-O3", "-fPIC", "-fvisibility=hidden",
    "-Wall", "-Wextra", "-Wno-unused-parameter",
    "-ffp-contract=off",  # a product and a sum become one operation where the kernel says so
    "-fno-math-errno", "-fno-trapping-math",
]  # fmt: skip
# no loop may turn into a call of memcpy or memset: there is no libc to call
NO_CALLS = {
    "gcc": ["-fno-tree-loop-distribute-patterns", "-Wno-maybe-uninitialized"],
    "clang": ["-fno-builtin"],
}

X86 = {
    "avx512": ["-mavx512f", "-mavx512dq", "-mavx512vl", "-mfma", "-mprefer-vector-width=512"],
    "avx2": ["-mavx2", "-mfma"],
    "sse2": [],
}
ARM: dict[str, list[str]] = {"neon": []}
_BASELINE = {"x86_64": ["-mcpu=x86_64"]}  # of zig, which would take this machine's
WASM = {"simd128": ["-msimd128", "-mbulk-memory"]}


@dataclass(frozen=True)
class Target:
    """A platform: its name for zig, its instruction sets with their flags, its wheel's tag."""

    zig: str
    instruction_sets: dict[str, list[str]]
    library: str
    wheel: str


# fmt: off
TARGETS = {
    "linux-x86_64":   Target("x86_64-linux-gnu.2.17", X86, "libglass.so",
                             "manylinux_2_17_x86_64.manylinux2014_x86_64.musllinux_1_1_x86_64"),
    "linux-aarch64":  Target("aarch64-linux-gnu.2.17", ARM, "libglass.so",
                             "manylinux_2_17_aarch64.manylinux2014_aarch64.musllinux_1_1_aarch64"),
    "macos-x86_64":   Target("x86_64-macos.11.0", X86, "libglass.dylib", "macosx_11_0_x86_64"),
    "macos-arm64":    Target("aarch64-macos.11.0", ARM, "libglass.dylib", "macosx_11_0_arm64"),
    "windows-x86_64": Target("x86_64-windows-gnu", X86, "glass.dll", "win_amd64"),
    "windows-arm64":  Target("aarch64-windows-gnu", ARM, "glass.dll", "win_arm64"),
    "wasm32":         Target("wasm32-emscripten", WASM, "libglass.so",
                             "pyemscripten_2026_0_wasm32"),
    "wasm32-bare":    Target("wasm32-freestanding", WASM, "glass.wasm", ""),
}
# fmt: on


def host() -> str:
    """Return the name of this machine's target, which may be none of TARGETS."""
    system = {"darwin": "macos", "win32": "windows"}.get(sys.platform, sys.platform)
    machine = platform.machine().lower()
    machine = {"amd64": "x86_64"}.get(machine, machine)
    if system != "macos":
        machine = {"arm64": "aarch64"}.get(machine, machine)
    return f"{system}-{machine}".replace("windows-aarch64", "windows-arm64")


def system_compiler() -> list[str] | None:
    """Return the command of this system's C compiler, if there is a usable one."""
    if sys.platform == "win32":
        return None  # MSVC has no vector extensions
    for name in (os.environ.get("CC", ""), "cc", "gcc", "clang"):
        if name and shutil.which(name):
            return [name]
    return None


def zig(*arguments: str) -> list[str]:
    """Return the command of the compiler in the PyPI package ziglang."""
    return [sys.executable, "-m", "ziglang", *arguments]


def build(target_name: str, out: Path, extra: Sequence[str] = ()) -> Path:
    """Compile for a target into the folder `out` and return the library's path.

    The host uses the system's compiler, or ziglang where there is none; other targets ziglang.
    Raises `RuntimeError` with the compiler's words where that fails.
    """
    native = target_name in ("host", host())
    target = TARGETS.get(host() if native else target_name)
    if target is None:
        raise RuntimeError(f"the kernel has no instruction set for {target_name}, {host()}")
    compiler = system_compiler() if native else None
    if compiler is None:
        if find_spec("ziglang") is None:
            raise RuntimeError("there is neither a C compiler nor the PyPI package ziglang")
        compiler = zig("cc", "-target", target.zig, *_BASELINE.get(target.zig.split("-")[0], []))
    out.mkdir(parents=True, exist_ok=True)
    library = out / target.library
    with tempfile.TemporaryDirectory(dir=out) as folder:
        objects = _compile(compiler, target, Path(folder), extra)
        fresh = Path(folder) / target.library
        _run(_link(compiler, target, fresh, objects, extra))
        fresh.replace(library)  # a process that has the old one open keeps it
    return library


def _compile(compiler: list[str], target: Target, folder: Path, extra: Sequence[str]) -> list[Path]:
    flags = [*FLAGS, *NO_CALLS["gcc" if _is_gcc(compiler) else "clang"], *extra]
    sets = target.instruction_sets
    shared = next(iter(sets.values())) if len(sets) == 1 else []  # where there is no choice
    jobs = [("library.c", "library", shared), ("probe.c", "probe", shared)]
    jobs += [
        ("kernel.c", name, [*isa_flags, f"-DGLASS_ISA={name}"]) for name, isa_flags in sets.items()
    ]
    commands = [
        [*compiler, *flags, *own, "-c", str(SOURCES / source), "-o", str(folder / f"{name}.o")]
        for source, name, own in jobs
    ]
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        list(pool.map(_run, commands))
    return [folder / f"{name}.o" for _, name, _ in jobs]


def _link(
    compiler: list[str], target: Target, library: Path, objects: list[Path], extra: Sequence[str]
) -> list[str]:
    files = [str(path) for path in objects]
    if target.zig == "wasm32-emscripten":  # a side module, as Pyodide's ctypes loads it
        options = ["-shared", "--experimental-pic", "--export-dynamic", "--no-entry", "-s"]
        return zig("wasm-ld", *options, "-o", str(library), *files)
    if target.zig == "wasm32-freestanding":
        options = [
            "--no-entry",
            "--export-dynamic",
            "--export-memory",
            "--export=__heap_base",
            "-s",
        ]
        return zig("wasm-ld", *options, "-o", str(library), *files)
    # Windows wants its start-up code in a library, sanitizers bring a library of their own
    needs_more = "windows" in target.zig or any(flag.startswith("-fsanitize") for flag in extra)
    bare = [] if needs_more else ["-nostdlib"]
    return [*compiler, "-shared", *bare, "-o", str(library), *files, *extra]


def _is_gcc(compiler: list[str]) -> bool:
    if "ziglang" in compiler:
        return False
    done = subprocess.run([*compiler, "-v"], capture_output=True, text=True, check=False)
    return "gcc version" in done.stderr


def _run(command: list[str]) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)}\n{done.stderr[-2000:]}")


def main() -> None:
    """Build what the command line says."""
    target, out, *extra = [*sys.argv[1:], "host", str(SOURCES)][: max(2, len(sys.argv) - 1)]
    print(build(target, Path(out), extra))


if __name__ == "__main__":
    main()
